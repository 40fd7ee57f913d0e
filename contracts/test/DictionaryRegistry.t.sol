// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {DictionaryRegistry as Registry} from "../DictionaryRegistry.sol";
import {Merkle} from "./Merkle.sol";
import {Test} from "./Vm.sol";

/// What each function does and whom it refuses.
contract RegistryTest is Test {
    uint256 constant OWNER_KEY = 0xA11CE;
    uint256 constant HOT_KEY = 0xB0B;

    Registry registry;
    address owner = vm.addr(OWNER_KEY);
    address hot = vm.addr(HOT_KEY);
    address stranger = address(0x5EED);
    bytes32 id;
    bytes32[] none;

    function setUp() public {
        registry = new Registry();
        vm.roll(100);
        vm.warp(1000);
        vm.prank(owner);
        id = registry.register("a");
    }

    // A version of the tape that `seed` makes.
    function extension(uint256 seed, uint64 from, uint64 to)
        internal
        view
        returns (Registry.Extension memory e, bytes32[] memory proof)
    {
        bytes32[] memory leaves = Merkle.leaves(seed, to);
        e = Registry.Extension(id, from, to, Merkle.root(leaves), keccak256(abi.encode("manifest", seed, to)));
        proof = Merkle.consistency(leaves, from);
    }

    function publish(uint256 seed, uint64 from, uint64 to) internal {
        (Registry.Extension memory e, bytes32[] memory proof) = extension(seed, from, to);
        vm.prank(owner);
        registry.publish(e, proof);
    }

    // Registering

    function test_register_binds_chain_contract_sender_and_salt() public {
        equal(id, keccak256(abi.encode(block.chainid, address(registry), owner, bytes32("a"))), "id");
        vm.expectEmit(true, true, true, true, address(registry));
        bytes32 other = registry.idOf(stranger, "a");
        emit Registry.Registered(other, stranger, "a");
        vm.prank(stranger);
        equal(registry.register("a"), other, "id of another sender");
        isTrue(other != id, "senders share an id");
        isTrue(registry.idOf(owner, "b") != id, "salts share an id");
        isTrue(new Registry().idOf(owner, "a") != id, "contracts share an id");
        vm.chainId(7);
        isTrue(registry.idOf(owner, "a") != id, "chains share an id");
    }

    function test_register_twice_is_refused_even_after_a_transfer() public {
        vm.expectRevert(abi.encodeWithSelector(Registry.AlreadyRegistered.selector, id));
        vm.prank(owner);
        registry.register("a");
        vm.prank(owner);
        registry.transferOwnership(id, stranger);
        vm.prank(stranger);
        registry.acceptOwnership(id);
        vm.expectRevert(abi.encodeWithSelector(Registry.AlreadyRegistered.selector, id));
        vm.prank(owner);
        registry.register("a");
    }

    function test_every_function_refuses_an_unknown_dictionary() public {
        bytes32 nobodys = "nobody's";
        bytes memory refusal = abi.encodeWithSelector(Registry.NotRegistered.selector, nobodys);
        (Registry.Extension memory e, bytes32[] memory proof) = extension(1, 0, 1);
        e.id = nobodys;
        vm.expectRevert(refusal);
        registry.publish(e, proof);
        vm.expectRevert(refusal);
        registry.publishSigned(e, proof, 2000, 27, bytes32(uint256(1)), bytes32(uint256(1)));
        vm.expectRevert(refusal);
        registry.head(nobodys);
        vm.expectRevert(refusal);
        registry.mayPublish(nobodys, owner);
        vm.expectRevert(refusal);
        registry.digestToSign(e, 1);
        vm.expectRevert(refusal);
        registry.includesNote(nobodys, 0, 0, none);
        vm.expectRevert(refusal);
        registry.extends(nobodys, 0, 0, none);
        vm.expectRevert(refusal);
        registry.inHistory(nobodys, 0, 0, none);
        vm.expectRevert(refusal);
        registry.transferOwnership(nobodys, owner);
        vm.expectRevert(refusal);
        registry.acceptOwnership(nobodys);
        vm.expectRevert(refusal);
        registry.setPublisher(nobodys, owner, true);
        vm.expectRevert(refusal);
        registry.setName(nobodys, "n");
        vm.expectRevert(refusal);
        registry.freeze(nobodys);
        vm.expectRevert(refusal);
        registry.deprecate(nobodys, 1, "r");
    }

    // acceptOwnership by the zero address must not make an unregistered dictionary somebody's.
    function test_nobody_owns_an_unknown_dictionary() public {
        vm.expectRevert(abi.encodeWithSelector(Registry.NotRegistered.selector, bytes32("x")));
        vm.prank(address(0));
        registry.acceptOwnership("x");
        vm.expectRevert(abi.encodeWithSelector(Registry.NotRegistered.selector, bytes32("x")));
        vm.prank(address(0));
        registry.freeze("x");
    }

    // Publishing

    function test_publish_keeps_the_head_and_links_the_history() public {
        (Registry.Extension memory e, bytes32[] memory proof) = extension(1, 0, 5);
        vm.expectEmit(true, true, true, true, address(registry));
        emit Registry.Published(id, 1, 5, e.root, e.manifest, owner, 1000, 0);
        vm.prank(owner);
        registry.publish(e, proof);
        bytes32 first = registry.hashPublished(id, 1, 5, e.root, e.manifest, owner, 100, 1000);

        vm.roll(117);
        vm.warp(1234);
        (e, proof) = extension(1, 5, 12);
        vm.expectEmit(true, true, true, true, address(registry));
        emit Registry.Published(id, 2, 12, e.root, e.manifest, owner, 1234, 100);
        vm.prank(owner);
        registry.publish(e, proof);
        bytes32 second = registry.hashPublished(id, 2, 12, e.root, e.manifest, owner, 117, 1234);

        Registry.Head memory h = registry.head(id);
        equal(h.root, e.root, "root");
        equal(h.manifest, e.manifest, "manifest");
        equal(h.size, 12, "size");
        equal(h.versions, 2, "versions");
        equal(h.blockNumber, 117, "block");
        equal(h.time, 1234, "time");
        equal(h.owner, owner, "owner");
        bytes32 afterFirst = keccak256(abi.encode(bytes32(0), first));
        equal(h.history, keccak256(abi.encode(afterFirst, second)), "history");

        bytes32[] memory later = new bytes32[](1);
        later[0] = second;
        isTrue(registry.inHistory(id, 0, first, later), "first in history");
        isTrue(registry.inHistory(id, afterFirst, second, none), "second in history");
        isFalse(registry.inHistory(id, 0, second, none), "second without first");
        isFalse(registry.inHistory(id, 0, first, none), "first without second");
        later[0] = first;
        isFalse(registry.inHistory(id, 0, second, later), "order changed");
        isFalse(registry.inHistory(id, afterFirst, second, later), "something on top");
    }

    // What storage proofs read; a client computes the slots itself.
    function test_head_record_lies_in_contiguous_slots() public {
        publish(1, 0, 3);
        vm.prank(owner);
        registry.setName(id, "names of one slot, 31 bytes....");
        Registry.Head memory h = registry.head(id);
        uint256 base = uint256(keccak256(abi.encode(id, uint256(0))));
        equal(vm.load(address(registry), bytes32(base)), h.root, "slot 0");
        equal(vm.load(address(registry), bytes32(base + 1)), h.manifest, "slot 1");
        equal(vm.load(address(registry), bytes32(base + 2)), h.history, "slot 2");
        uint256 numbers = uint256(3) | uint256(1) << 64 | uint256(100) << 128 | uint256(1000) << 192;
        equal(uint256(vm.load(address(registry), bytes32(base + 3))), numbers, "slot 3");
        equal(uint256(vm.load(address(registry), bytes32(base + 4))), uint160(owner), "slot 4");
        equal(uint256(vm.load(address(registry), bytes32(base + 5))), 0, "slot 5");
        bytes32 name = bytes32(bytes("names of one slot, 31 bytes....")) | bytes32(uint256(62));
        equal(vm.load(address(registry), bytes32(base + 6)), name, "slot 6");
    }

    function test_publish_refuses_another_old_size() public {
        publish(1, 0, 4);
        (Registry.Extension memory e, bytes32[] memory proof) = extension(1, 3, 6);
        bytes32 headRoot = registry.head(id).root;
        vm.expectRevert(abi.encodeWithSelector(Registry.StaleVersion.selector, id, 3, 4, headRoot));
        vm.prank(owner);
        registry.publish(e, proof);
        e.oldSize = 0;
        vm.expectRevert(abi.encodeWithSelector(Registry.StaleVersion.selector, id, 0, 4, headRoot));
        vm.prank(owner);
        registry.publish(e, none);
        e.oldSize = 5;
        vm.expectRevert(abi.encodeWithSelector(Registry.StaleVersion.selector, id, 5, 4, headRoot));
        vm.prank(owner);
        registry.publish(e, none);
    }

    function test_publish_refuses_to_shrink_or_stay() public {
        (Registry.Extension memory e, bytes32[] memory proof) = extension(1, 0, 0);
        vm.expectRevert(abi.encodeWithSelector(Registry.NotLarger.selector, id, 0, 0));
        vm.prank(owner);
        registry.publish(e, proof);
        publish(1, 0, 4);
        (e, proof) = extension(1, 0, 4);
        e.oldSize = 4;
        vm.expectRevert(abi.encodeWithSelector(Registry.NotLarger.selector, id, 4, 4));
        vm.prank(owner);
        registry.publish(e, none);
        (e,) = extension(1, 0, 3);
        e.oldSize = 4;
        vm.expectRevert(abi.encodeWithSelector(Registry.NotLarger.selector, id, 4, 3));
        vm.prank(owner);
        registry.publish(e, none);
    }

    function test_publish_from_nothing_takes_no_proof() public {
        (Registry.Extension memory e,) = extension(1, 0, 4);
        vm.expectRevert(abi.encodeWithSelector(Registry.NotAnExtension.selector, id, 0, 4));
        vm.prank(owner);
        registry.publish(e, new bytes32[](1));
    }

    /// The adversary whom random proofs do not find: a second tree in which one old leaf is another, with the proof that
    /// belongs to it. Everything about it is consistent, but for the old root that the registry remembers.
    function testFuzz_publish_refuses_a_rewritten_history(uint256 seed, uint64 from, uint64 to, uint64 which) public {
        from = uint64(bound(from, 1, 40));
        to = uint64(bound(to, from + 1, 41 + from));
        which = uint64(bound(which, 0, from - 1));
        publish(seed, 0, from);
        bytes32[] memory leaves = Merkle.leaves(seed, to);
        leaves[which] = ~leaves[which];
        bytes32[] memory proof = Merkle.consistency(leaves, from);
        // The forger's own tree is sound ...
        bytes32 forgedOld = Merkle.root(Merkle.first(leaves, from));
        isTrue(registry.isConsistent(from, forgedOld, to, Merkle.root(leaves), proof), "the forger's own proof");
        // ... and refused on top of what was published.
        Registry.Extension memory e = Registry.Extension(id, from, to, Merkle.root(leaves), 0);
        vm.expectRevert(abi.encodeWithSelector(Registry.NotAnExtension.selector, id, from, to));
        vm.prank(owner);
        registry.publish(e, proof);
    }

    function testFuzz_publish_accepts_every_extension(uint256 seed, uint64 from, uint64 to) public {
        from = uint64(bound(from, 0, 70));
        to = uint64(bound(to, from + 1, 71 + from));
        if (from > 0) publish(seed, 0, from);
        publish(seed, from, to);
        Registry.Head memory h = registry.head(id);
        equal(h.size, to, "size");
        equal(h.root, Merkle.root(Merkle.leaves(seed, to)), "root");
        isTrue(
            registry.extends(
                id, from, Merkle.root(Merkle.leaves(seed, from)), Merkle.consistency(Merkle.leaves(seed, to), from)
            ),
            "extends"
        );
    }

    /// A true proof with one thing about it changed is refused.
    function testFuzz_publish_refuses_a_changed_proof(uint256 seed, uint64 from, uint64 to, uint256 how, uint256 where)
        public
    {
        from = uint64(bound(from, 1, 40));
        to = uint64(bound(to, from + 1, 41 + from));
        publish(seed, 0, from);
        (Registry.Extension memory e, bytes32[] memory proof) = extension(seed, from, to);
        how %= 5;
        where %= proof.length;
        if (how == 0) {
            proof[where] = bytes32(uint256(proof[where]) ^ 1 << (seed % 256));
        } else if (how == 1) {
            proof = Merkle.append(proof, proof[where]);
        } else if (how == 2) {
            proof = Merkle.first(proof, where);
        } else if (how == 3) {
            e.root = bytes32(uint256(e.root) ^ 1 << (seed % 256));
        } else {
            // Another size with the same root. Trees of different shape may have proofs of the same shape, so the
            // proof may hold for a size that is not that of the root: no check of a root knows how many leaves are
            // below it. What must hold is that the old root is still there.
            e.newSize = uint64(bound(where, from + 1, 200));
            if (registry.isConsistent(from, registry.head(id).root, e.newSize, e.root, proof)) return;
        }
        vm.expectRevert(abi.encodeWithSelector(Registry.NotAnExtension.selector, id, from, e.newSize));
        vm.prank(owner);
        registry.publish(e, proof);
    }

    function test_publish_by_strangers_is_refused() public {
        (Registry.Extension memory e, bytes32[] memory proof) = extension(1, 0, 4);
        vm.expectRevert(abi.encodeWithSelector(Registry.NotPublisher.selector, id, stranger));
        vm.prank(stranger);
        registry.publish(e, proof);
    }

    // Allowed publishers

    function test_owner_allows_a_publisher_and_takes_it_back() public {
        isFalse(registry.mayPublish(id, hot), "may before");
        isTrue(registry.mayPublish(id, owner), "owner may");
        vm.expectEmit(true, true, true, true, address(registry));
        emit Registry.PublisherSet(id, hot, true);
        vm.prank(owner);
        registry.setPublisher(id, hot, true);
        isTrue(registry.mayPublish(id, hot), "may");
        (Registry.Extension memory e, bytes32[] memory proof) = extension(1, 0, 4);
        vm.expectEmit(true, true, true, true, address(registry));
        emit Registry.Published(id, 1, 4, e.root, e.manifest, hot, 1000, 0);
        vm.prank(hot);
        registry.publish(e, proof);

        vm.prank(owner);
        registry.setPublisher(id, hot, false);
        isFalse(registry.mayPublish(id, hot), "may after");
        (e, proof) = extension(1, 4, 5);
        vm.expectRevert(abi.encodeWithSelector(Registry.NotPublisher.selector, id, hot));
        vm.prank(hot);
        registry.publish(e, proof);
    }

    function test_a_publisher_can_only_publish() public {
        vm.prank(owner);
        registry.setPublisher(id, hot, true);
        publish(1, 0, 4);
        bytes memory refusal = abi.encodeWithSelector(Registry.NotOwner.selector, id, hot);
        vm.expectRevert(refusal);
        vm.prank(hot);
        registry.setPublisher(id, stranger, true);
        vm.expectRevert(refusal);
        vm.prank(hot);
        registry.transferOwnership(id, hot);
        vm.expectRevert(refusal);
        vm.prank(hot);
        registry.setName(id, "n");
        vm.expectRevert(refusal);
        vm.prank(hot);
        registry.freeze(id);
        vm.expectRevert(refusal);
        vm.prank(hot);
        registry.deprecate(id, 1, "r");
    }

    function test_a_publisher_of_one_dictionary_is_none_of_another() public {
        vm.prank(owner);
        bytes32 other = registry.register("b");
        vm.prank(owner);
        registry.setPublisher(id, hot, true);
        isFalse(registry.mayPublish(other, hot), "may");
    }

    // Ownership

    function test_transfer_takes_two_steps() public {
        vm.expectEmit(true, true, true, true, address(registry));
        emit Registry.OwnershipOffered(id, owner, hot);
        vm.prank(owner);
        registry.transferOwnership(id, hot);
        equal(registry.head(id).owner, owner, "owner after the offer");
        equal(registry.head(id).pendingOwner, hot, "pending owner");
        vm.expectRevert(abi.encodeWithSelector(Registry.NotPendingOwner.selector, id, stranger));
        vm.prank(stranger);
        registry.acceptOwnership(id);
        vm.expectEmit(true, true, true, true, address(registry));
        emit Registry.OwnershipTransferred(id, owner, hot);
        vm.prank(hot);
        registry.acceptOwnership(id);
        equal(registry.head(id).owner, hot, "owner");
        equal(registry.head(id).pendingOwner, address(0), "pending owner after");
        equal(registry.head(id).term, 1, "term");
        vm.expectRevert(abi.encodeWithSelector(Registry.NotOwner.selector, id, owner));
        vm.prank(owner);
        registry.freeze(id);
        vm.expectRevert(abi.encodeWithSelector(Registry.NotPendingOwner.selector, id, hot));
        vm.prank(hot);
        registry.acceptOwnership(id);
    }

    function test_an_offer_can_be_taken_back() public {
        vm.prank(owner);
        registry.transferOwnership(id, hot);
        vm.prank(owner);
        registry.transferOwnership(id, address(0));
        vm.expectRevert(abi.encodeWithSelector(Registry.NotPendingOwner.selector, id, hot));
        vm.prank(hot);
        registry.acceptOwnership(id);
    }

    function test_a_new_owner_inherits_no_publisher() public {
        vm.prank(owner);
        registry.setPublisher(id, stranger, true);
        vm.prank(owner);
        registry.transferOwnership(id, hot);
        vm.prank(hot);
        registry.acceptOwnership(id);
        isFalse(registry.mayPublish(id, stranger), "the old owner's publisher");
        isFalse(registry.mayPublish(id, owner), "the old owner");
        // Not even when the dictionary comes back.
        vm.prank(hot);
        registry.transferOwnership(id, owner);
        vm.prank(owner);
        registry.acceptOwnership(id);
        isFalse(registry.mayPublish(id, stranger), "the publisher of the first term");
        (Registry.Extension memory e, bytes32[] memory proof) = extension(1, 0, 4);
        vm.expectRevert(abi.encodeWithSelector(Registry.NotPublisher.selector, id, stranger));
        vm.prank(stranger);
        registry.publish(e, proof);
    }

    // Names

    function test_name_fits_one_slot() public {
        vm.expectEmit(true, true, true, true, address(registry));
        emit Registry.Named(id, "1234567890123456789012345678901");
        vm.prank(owner);
        registry.setName(id, "1234567890123456789012345678901");
        equal(keccak256(bytes(registry.head(id).name)), keccak256("1234567890123456789012345678901"), "name");
        vm.expectRevert(abi.encodeWithSelector(Registry.TextTooLong.selector, 32, 31));
        vm.prank(owner);
        registry.setName(id, "12345678901234567890123456789012");
        vm.expectRevert(abi.encodeWithSelector(Registry.NotOwner.selector, id, stranger));
        vm.prank(stranger);
        registry.setName(id, "mine");
        vm.prank(owner);
        registry.setName(id, "");
        equal(bytes(registry.head(id).name).length, 0, "name taken away");
    }

    // Freezing and deprecating

    function test_freeze_ends_publishing_and_nothing_else() public {
        publish(1, 0, 4);
        vm.expectRevert(abi.encodeWithSelector(Registry.NotOwner.selector, id, stranger));
        vm.prank(stranger);
        registry.freeze(id);
        vm.expectEmit(true, true, true, true, address(registry));
        emit Registry.Frozen(id);
        vm.prank(owner);
        registry.freeze(id);
        isTrue(registry.head(id).frozen, "frozen");
        isFalse(registry.mayPublish(id, owner), "may");
        (Registry.Extension memory e, bytes32[] memory proof) = extension(1, 4, 5);
        vm.expectRevert(abi.encodeWithSelector(Registry.DictionaryFrozen.selector, id));
        vm.prank(owner);
        registry.publish(e, proof);
        vm.expectRevert(abi.encodeWithSelector(Registry.DictionaryFrozen.selector, id));
        vm.prank(owner);
        registry.freeze(id);
        vm.prank(owner);
        registry.deprecate(id, 1, "superseded");
        // A transfer does not thaw it.
        vm.prank(owner);
        registry.transferOwnership(id, hot);
        vm.prank(hot);
        registry.acceptOwnership(id);
        isTrue(registry.head(id).frozen, "frozen after a transfer");
    }

    function test_deprecate_is_an_entry_of_the_history() public {
        publish(1, 0, 4);
        bytes32 before = registry.head(id).history;
        vm.roll(200);
        vm.warp(2000);
        vm.expectEmit(true, true, true, true, address(registry));
        emit Registry.Deprecated(id, 1, "holds a secret", 2000, 100);
        vm.prank(owner);
        registry.deprecate(id, 1, "holds a secret");
        Registry.Head memory h = registry.head(id);
        bytes32 entry = registry.hashDeprecated(id, 1, "holds a secret", 200, 2000);
        equal(h.history, keccak256(abi.encode(before, entry)), "history");
        isTrue(registry.inHistory(id, before, entry, none), "in history");
        equal(h.blockNumber, 200, "block");
        equal(h.time, 2000, "time");
        equal(h.versions, 1, "versions");
        equal(h.size, 4, "size");
    }

    function test_deprecate_refuses_what_is_not_there() public {
        vm.expectRevert(abi.encodeWithSelector(Registry.UnknownVersion.selector, id, 1, 0));
        vm.prank(owner);
        registry.deprecate(id, 1, "");
        publish(1, 0, 4);
        vm.expectRevert(abi.encodeWithSelector(Registry.UnknownVersion.selector, id, 0, 1));
        vm.prank(owner);
        registry.deprecate(id, 0, "");
        vm.expectRevert(abi.encodeWithSelector(Registry.UnknownVersion.selector, id, 2, 1));
        vm.prank(owner);
        registry.deprecate(id, 2, "");
        vm.expectRevert(abi.encodeWithSelector(Registry.TextTooLong.selector, 513, 512));
        vm.prank(owner);
        registry.deprecate(id, 1, string(new bytes(513)));
        vm.prank(owner);
        registry.deprecate(id, 1, string(new bytes(512)));
    }

    // Signed publications

    function signature(uint256 key, Registry.Extension memory e, uint256 deadline)
        internal
        view
        returns (uint8 v, bytes32 r, bytes32 s)
    {
        return vm.sign(key, registry.digestToSign(e, deadline));
    }

    function test_anyone_submits_what_the_owner_signed() public {
        (Registry.Extension memory e, bytes32[] memory proof) = extension(1, 0, 4);
        (uint8 v, bytes32 r, bytes32 s) = signature(OWNER_KEY, e, 1000);
        vm.expectEmit(true, true, true, true, address(registry));
        emit Registry.Published(id, 1, 4, e.root, e.manifest, owner, 1000, 0);
        vm.prank(stranger);
        registry.publishSigned(e, proof, 1000, v, r, s);
        // Not twice: the history is another now, so the digest is.
        (bool ok,) = address(registry).call(abi.encodeCall(Registry.publishSigned, (e, proof, 1000, v, r, s)));
        isFalse(ok, "signature used twice");
    }

    function test_an_allowed_publisher_signs_too_until_it_is_taken_back() public {
        vm.prank(owner);
        registry.setPublisher(id, hot, true);
        (Registry.Extension memory e, bytes32[] memory proof) = extension(1, 0, 4);
        (uint8 v, bytes32 r, bytes32 s) = signature(HOT_KEY, e, 1000);
        registry.publishSigned(e, proof, 1000, v, r, s);
        (e, proof) = extension(1, 4, 5);
        (v, r, s) = signature(HOT_KEY, e, 1000);
        vm.prank(owner);
        registry.setPublisher(id, hot, false);
        vm.expectRevert(abi.encodeWithSelector(Registry.NotPublisher.selector, id, hot));
        registry.publishSigned(e, proof, 1000, v, r, s);
    }

    // The digest by the letter of EIP-712, so that wallets show and sign the same.
    function test_digest_is_that_of_eip712() public view {
        (Registry.Extension memory e,) = extension(1, 0, 4);
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("DictionaryRegistry"),
                keccak256("1"),
                block.chainid,
                address(registry)
            )
        );
        bytes32 message = keccak256(
            abi.encode(
                keccak256(
                    "Publish(bytes32 id,uint64 oldSize,uint64 newSize,bytes32 root,bytes32 manifest,bytes32 history,uint256 deadline)"
                ),
                e.id,
                e.oldSize,
                e.newSize,
                e.root,
                e.manifest,
                registry.head(id).history,
                uint256(77)
            )
        );
        equal(registry.digestToSign(e, 77), keccak256(abi.encodePacked(hex"1901", domain, message)), "digest");
    }

    function test_a_signature_has_a_deadline() public {
        (Registry.Extension memory e, bytes32[] memory proof) = extension(1, 0, 4);
        (uint8 v, bytes32 r, bytes32 s) = signature(OWNER_KEY, e, 999);
        vm.expectRevert(abi.encodeWithSelector(Registry.SignatureExpired.selector, id, 999));
        registry.publishSigned(e, proof, 999, v, r, s);
    }

    function testFuzz_a_signature_covers_every_field(uint256 field, uint256 bit) public {
        publish(1, 0, 2);
        (Registry.Extension memory e, bytes32[] memory proof) = extension(1, 2, 4);
        uint256 deadline = 1 << 200;
        (uint8 v, bytes32 r, bytes32 s) = signature(OWNER_KEY, e, deadline);
        field %= 5;
        if (field == 0) e.oldSize ^= uint64(1 << (bit % 64));
        if (field == 1) e.newSize ^= uint64(1 << (bit % 64));
        if (field == 2) e.root = bytes32(uint256(e.root) ^ 1 << (bit % 256));
        if (field == 3) e.manifest = bytes32(uint256(e.manifest) ^ 1 << (bit % 256));
        if (field == 4) deadline ^= 1 << (bit % 199);
        try registry.publishSigned(e, proof, deadline, v, r, s) {
            isTrue(false, "a changed message was published");
        } catch (bytes memory reason) {
            equal(bytes32(bytes4(reason)), bytes32(Registry.NotPublisher.selector), "refusal");
        }
    }

    function test_a_signature_for_one_dictionary_is_none_for_another() public {
        vm.prank(owner);
        bytes32 other = registry.register("b");
        (Registry.Extension memory e, bytes32[] memory proof) = extension(1, 0, 4);
        (uint8 v, bytes32 r, bytes32 s) = signature(OWNER_KEY, e, 1000);
        e.id = other;
        try registry.publishSigned(e, proof, 1000, v, r, s) {
            isTrue(false, "published in another dictionary");
        } catch {}
    }

    function test_a_signature_for_one_history_is_none_for_another() public {
        publish(1, 0, 2);
        (Registry.Extension memory e, bytes32[] memory proof) = extension(1, 2, 4);
        (uint8 v, bytes32 r, bytes32 s) = signature(OWNER_KEY, e, 1000);
        vm.prank(owner);
        registry.deprecate(id, 1, "changes the history, not the version");
        try registry.publishSigned(e, proof, 1000, v, r, s) {
            isTrue(false, "published on another history");
        } catch {}
    }

    /// ecrecover answers a malformed signature with the zero address. Even an owner who allows that address opens nothing.
    function test_a_malformed_signature_is_nobodys() public {
        vm.prank(owner);
        registry.setPublisher(id, address(0), true);
        (Registry.Extension memory e, bytes32[] memory proof) = extension(1, 0, 4);
        vm.expectRevert(abi.encodeWithSelector(Registry.NotPublisher.selector, id, address(0)));
        registry.publishSigned(e, proof, 1000, 29, bytes32(uint256(1)), bytes32(uint256(1)));
    }

    function test_the_larger_s_is_refused() public {
        (Registry.Extension memory e, bytes32[] memory proof) = extension(1, 0, 4);
        (uint8 v, bytes32 r, bytes32 s) = signature(OWNER_KEY, e, 1000);
        uint256 n = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;
        vm.expectRevert(abi.encodeWithSelector(Registry.NotPublisher.selector, id, address(0)));
        registry.publishSigned(e, proof, 1000, v == 27 ? 28 : 27, r, bytes32(n - uint256(s)));
    }
}

/// The checks of proofs against the definitions of RFC 9162.
contract ProofTest is Test {
    Registry registry = new Registry();
    bytes32[] none;

    // Vectors of Certificate Transparency (RFC 6962 reference tree): eight leaves and the roots over the first n.
    function test_known_tree() public view {
        bytes[8] memory inputs = [
            bytes(""),
            hex"00",
            hex"10",
            hex"2021",
            hex"3031",
            hex"40414243",
            hex"5051525354555657",
            hex"606162636465666768696a6b6c6d6e6f"
        ];
        bytes32[] memory leaves = new bytes32[](8);
        for (uint256 i = 0; i < 8; i++) {
            leaves[i] = sha256(abi.encodePacked(bytes1(0), inputs[i]));
        }
        bytes32 root = 0x5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328;
        equal(Merkle.root(leaves), root, "root of eight");
        for (uint64 i = 0; i < 8; i++) {
            isTrue(registry.isIncluded(8, root, i, leaves[i], Merkle.inclusion(leaves, i)), "included");
        }
        isTrue(
            registry.isConsistent(
                3,
                0xaeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77,
                8,
                root,
                Merkle.consistency(leaves, 3)
            ),
            "consistent"
        );
    }

    function test_note_hash_is_over_the_binary_cid() public view {
        bytes32 digest = sha256("a note");
        equal(registry.hashNote(digest), sha256(abi.encodePacked(bytes1(0), hex"01551220", digest)), "leaf hash");
    }

    function testFuzz_inclusion(uint256 seed, uint64 size, uint64 index, uint64 other, uint256 bit) public view {
        size = uint64(bound(size, 1, 80));
        index = uint64(bound(index, 0, size - 1));
        other = uint64(bound(other, 0, size + 3));
        bytes32[] memory leaves = Merkle.leaves(seed, size);
        bytes32 root = Merkle.root(leaves);
        bytes32[] memory proof = Merkle.inclusion(leaves, index);
        isTrue(registry.isIncluded(size, root, index, leaves[index], proof), "included");
        if (other != index) isFalse(registry.isIncluded(size, root, other, leaves[index], proof), "at another place");
        bytes32 flip = bytes32(1 << (bit % 256));
        isFalse(registry.isIncluded(size, root, index, leaves[index] ^ flip, proof), "another leaf");
        isFalse(registry.isIncluded(size, root ^ flip, index, leaves[index], proof), "another root");
        isFalse(registry.isIncluded(size, root, index, leaves[index], Merkle.append(proof, 0)), "longer");
        if (proof.length == 0) return;
        uint256 where = bit % proof.length;
        isFalse(registry.isIncluded(size, root, index, leaves[index], Merkle.first(proof, where)), "shorter");
        proof[where] ^= flip;
        isFalse(registry.isIncluded(size, root, index, leaves[index], proof), "changed");
    }

    function testFuzz_consistency(uint256 seed, uint64 from, uint64 to, uint256 bit) public view {
        to = uint64(bound(to, 0, 80));
        from = uint64(bound(from, 0, to));
        bytes32[] memory leaves = Merkle.leaves(seed, to);
        bytes32 newRoot = Merkle.root(leaves);
        bytes32 oldRoot = Merkle.root(Merkle.first(leaves, from));
        bytes32[] memory proof = Merkle.consistency(leaves, from);
        isTrue(registry.isConsistent(from, oldRoot, to, newRoot, proof), "consistent");
        bytes32 flip = bytes32(1 << (bit % 256));
        isFalse(registry.isConsistent(from, oldRoot ^ flip, to, newRoot, proof), "another old root");
        // Everything extends nothing, so only from one note on is the new root bound.
        if (from > 0) isFalse(registry.isConsistent(from, oldRoot, to, newRoot ^ flip, proof), "another new root");
        isFalse(registry.isConsistent(from, oldRoot, to, newRoot, Merkle.append(proof, 0)), "longer");
        if (from < to) isFalse(registry.isConsistent(to, newRoot, from, oldRoot, proof), "backwards");
        if (proof.length == 0) return;
        uint256 where = bit % proof.length;
        isFalse(registry.isConsistent(from, oldRoot, to, newRoot, Merkle.first(proof, where)), "shorter");
        proof[where] ^= flip;
        isFalse(registry.isConsistent(from, oldRoot, to, newRoot, proof), "changed");
    }

    /// A root that was made to fit a proof of another length is refused: the size says how long a proof is.
    function testFuzz_roots_made_to_fit(uint256 seed, uint64 from, uint64 to, bytes32 x) public view {
        to = uint64(bound(to, 2, 80));
        from = uint64(bound(from, 1, to - 1));
        bytes32[] memory leaves = Merkle.leaves(seed, to);
        bytes32[] memory proof = Merkle.inclusion(leaves, from);
        bytes32 root = Merkle.root(leaves);
        // One level more, on either side.
        bytes32[] memory longer = Merkle.append(proof, x);
        isFalse(registry.isIncluded(to, Merkle.node(x, root), from, leaves[from], longer), "longer, left");
        isFalse(registry.isIncluded(to, Merkle.node(root, x), from, leaves[from], longer), "longer, right");
        // One level less: the subtree that the last hash of the proof stands next to.
        bytes32[] memory shorter = Merkle.first(proof, proof.length - 1);
        isFalse(registry.isIncluded(to, half(leaves, from), from, leaves[from], shorter), "shorter");
    }

    /// The root of the half of the tree, as RFC 9162 splits it, in which the leaf is.
    function half(bytes32[] memory leaves, uint256 index) private pure returns (bytes32) {
        uint256 k = 1;
        while (k * 2 < leaves.length) k *= 2;
        return index < k ? Merkle.root(leaves, 0, k) : Merkle.root(leaves, k, leaves.length);
    }

    function testFuzz_old_and_new_roots_made_to_fit(uint256 seed, uint64 from, uint64 to, bytes32 x) public view {
        to = uint64(bound(to, 2, 80));
        from = uint64(bound(from, 1, to - 1));
        bytes32[] memory leaves = Merkle.leaves(seed, to);
        bytes32 root = Merkle.root(leaves);
        bytes32 oldRoot = Merkle.root(Merkle.first(leaves, from));
        bytes32[] memory proof = Merkle.consistency(leaves, from);
        bytes32[] memory longer = Merkle.append(proof, x);
        isFalse(registry.isConsistent(from, Merkle.node(x, oldRoot), to, Merkle.node(x, root), longer), "longer");
        isFalse(registry.isConsistent(from, oldRoot, to, Merkle.node(root, x), longer), "longer, new only");
        if (from <= (to + 1) / 2) {
            bytes32[] memory shorter = Merkle.first(proof, proof.length - 1);
            isFalse(registry.isConsistent(from, oldRoot, to, half(leaves, 0), shorter), "shorter");
        }
    }

    /// Proofs made up at random prove nothing, at any size.
    function testFuzz_random_proofs(uint64 a, uint64 b, bytes32 ra, bytes32 rb, bytes32[] calldata proof) public view {
        if (a != 0 && !(a == b && ra == rb)) isFalse(registry.isConsistent(a, ra, b, rb, proof), "consistent");
        if (!(a == 1 && b == 0 && ra == rb)) isFalse(registry.isIncluded(a, ra, b, rb, proof), "included");
    }

    /// A view on a dictionary is the pure check against its head.
    function testFuzz_views_of_a_dictionary(uint64 size, uint64 index) public {
        size = uint64(bound(size, 1, 40));
        index = uint64(bound(index, 0, size - 1));
        bytes32[] memory digests = Merkle.leaves(9, size);
        bytes32[] memory leaves = new bytes32[](size);
        for (uint256 i = 0; i < size; i++) {
            leaves[i] = registry.hashNote(digests[i]);
        }
        bytes32 id = registry.register("v");
        isFalse(registry.includesNote(id, 0, digests[0], none), "a note of nothing");
        registry.publish(Registry.Extension(id, 0, size, Merkle.root(leaves), 0), none);
        bytes32[] memory proof = Merkle.inclusion(leaves, index);
        isTrue(registry.includesNote(id, index, digests[index], proof), "included");
        isFalse(registry.includesNote(id, index, leaves[index], proof), "a leaf hash is no digest");
        isTrue(registry.extends(id, 0, sha256(""), none), "extends nothing");
        isTrue(registry.extends(id, size, Merkle.root(leaves), none), "extends itself");
        isFalse(registry.extends(id, size, 0, none), "extends zero");
    }
}

/// Random users do random things to one dictionary; whatever they do, the history only grows.
contract Users is Test {
    Registry public registry = new Registry();
    bytes32 public id;
    uint64 public size;
    uint64 public versions;
    bytes32 public history;
    bytes32 public root;
    bool public frozen;
    address owner = address(0xA);
    bytes32[] roots;
    uint64[] sizes;

    constructor() {
        vm.prank(owner);
        id = registry.register("i");
    }

    function publish(uint64 grow, uint256 seed, bool honest) external {
        uint64 to = size + uint64(bound(grow, 1, 20));
        // The honest tape has seed 1; the first version is always of it.
        bytes32[] memory leaves = Merkle.leaves(honest || size == 0 ? 1 : seed, to);
        Registry.Extension memory e = Registry.Extension(id, size, to, Merkle.root(leaves), bytes32(seed));
        bytes32[] memory proof = Merkle.consistency(leaves, size);
        vm.prank(owner);
        try registry.publish(e, proof) {
            isFalse(frozen, "published when frozen");
            isTrue(size == 0 || honest || seed == 1, "another tape published");
            size = to;
            versions++;
            root = e.root;
            history = keccak256(
                abi.encode(
                    history,
                    keccak256(
                        abi.encode(
                            uint256(1), id, versions, to, e.root, e.manifest, owner, block.number, block.timestamp
                        )
                    )
                )
            );
            roots.push(e.root);
            sizes.push(to);
        } catch (bytes memory reason) {
            bytes32 why = bytes32(bytes4(reason));
            if (frozen) equal(why, bytes32(Registry.DictionaryFrozen.selector), "refusal");
            else equal(why, bytes32(Registry.NotAnExtension.selector), "refusal");
            isFalse((honest || size == 0) && !frozen, "an honest version was refused");
        }
    }

    function deprecate(uint64 number, string calldata reason) external {
        vm.prank(owner);
        try registry.deprecate(id, number, reason) {
            history = keccak256(
                abi.encode(
                    history,
                    keccak256(
                        abi.encode(uint256(2), id, number, keccak256(bytes(reason)), block.number, block.timestamp)
                    )
                )
            );
        } catch {}
    }

    function steal(address thief, uint64 grow) external {
        if (thief == owner || thief == address(0)) return; // nobody sends from the zero address
        vm.prank(thief);
        try registry.transferOwnership(id, thief) {
            isTrue(false, "stolen");
        } catch {}
        vm.prank(thief);
        try registry.acceptOwnership(id) {
            isTrue(false, "stolen");
        } catch {}
        bytes32[] memory leaves = Merkle.leaves(1, size + uint64(bound(grow, 1, 20)));
        Registry.Extension memory e = Registry.Extension(id, size, uint64(leaves.length), Merkle.root(leaves), 0);
        bytes32[] memory proof = Merkle.consistency(leaves, size);
        vm.prank(thief);
        try registry.publish(e, proof) {
            isTrue(false, "published by a thief");
        } catch {}
    }

    function freeze(uint8 chance) external {
        if (chance > 3 || frozen) return;
        vm.prank(owner);
        registry.freeze(id);
        frozen = true;
    }

    function pass(uint16 blocks) external {
        vm.roll(block.number + blocks);
        vm.warp(block.timestamp + uint256(blocks) * 12);
    }

    /// Every version ever published is a prefix of the head.
    function checkPrefixes() external view {
        bytes32[] memory leaves = Merkle.leaves(1, size);
        for (uint256 i = 0; i < roots.length; i++) {
            isTrue(registry.extends(id, sizes[i], roots[i], Merkle.consistency(leaves, sizes[i])), "prefix");
        }
    }
}

contract InvariantTest is Test {
    Users users = new Users();

    function targetContracts() public view returns (address[] memory list) {
        list = new address[](1);
        list[0] = address(users);
    }

    function invariant_head_is_what_was_published() public view {
        Registry.Head memory h = users.registry().head(users.id());
        equal(h.size, users.size(), "size");
        equal(h.versions, users.versions(), "versions");
        equal(h.root, users.root(), "root");
        equal(h.history, users.history(), "history");
        isTrue(h.frozen == users.frozen(), "frozen");
        users.checkPrefixes();
    }
}
