// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

/// @title Registry of append-only dictionaries
/// @notice Remembers, per dictionary, the versions that were published, in order, and refuses one that does not extend
/// the last. A version is a size (notes) and the RFC 9162 tree hash (SHA-256) over that many leaves.
/// @dev No proxy, no admin, no payable function. Every dictionary belongs to its owner, and even the owner cannot take
/// back or rewrite what was published. docs/registry.md describes the storage slots, the history hash and the gas.
contract DictionaryRegistry {
    /// Six contiguous slots from keccak256(abi.encode(id, 0)); slots 0 to 3 are the head record.
    struct Dictionary {
        bytes32 root; // slot 0: tree hash of the head version
        bytes32 manifest; // slot 1: sha2-256 digest of the manifest's CID (CIDv1, dag-cbor)
        bytes32 history; // slot 2: running hash over every entry, see _link
        uint64 size; // slot 3: notes in the head version
        uint64 versions; // slot 3: versions published so far; the head is number `versions`
        uint64 blockNumber; // slot 3: block of the last entry, 0 before the first
        uint64 time; // slot 3: its timestamp, seconds since 1970
        address owner; // slot 4: zero if and only if the dictionary is not registered
        uint64 term; // slot 4: how often the dictionary changed hands
        bool frozen; // slot 4: no further version, ever
        address pendingOwner; // slot 5: who may accept the ownership
        string name; // slot 6: at most 31 bytes, so one slot
        // slot 7: who else may publish; of one term only, so that a new owner inherits no publisher
        mapping(uint64 term => mapping(address account => bool)) publishers;
    }

    /// What `head` returns: a dictionary but for its publishers.
    struct Head {
        bytes32 root;
        bytes32 manifest;
        bytes32 history;
        uint64 size;
        uint64 versions;
        uint64 blockNumber;
        uint64 time;
        address owner;
        uint64 term;
        bool frozen;
        address pendingOwner;
        string name;
    }

    /// What a publisher asks for: from `oldSize` notes, which must be the head's, to `newSize` notes with `root`.
    struct Extension {
        bytes32 id;
        uint64 oldSize;
        uint64 newSize;
        bytes32 root;
        bytes32 manifest;
    }

    event Registered(bytes32 indexed id, address indexed owner, bytes32 salt);
    event Published(
        bytes32 indexed id,
        uint64 indexed number,
        uint64 size,
        bytes32 root,
        bytes32 manifest,
        address publisher,
        uint64 time,
        uint64 previousBlock
    );
    event Deprecated(bytes32 indexed id, uint64 indexed number, string reason, uint64 time, uint64 previousBlock);
    event Frozen(bytes32 indexed id);
    event Named(bytes32 indexed id, string name);
    event PublisherSet(bytes32 indexed id, address indexed account, bool allowed);
    event OwnershipOffered(bytes32 indexed id, address indexed owner, address indexed pendingOwner);
    event OwnershipTransferred(bytes32 indexed id, address indexed oldOwner, address indexed newOwner);

    error AlreadyRegistered(bytes32 id);
    error NotRegistered(bytes32 id);
    error NotOwner(bytes32 id, address account);
    error NotPendingOwner(bytes32 id, address account);
    error NotPublisher(bytes32 id, address account);
    error StaleVersion(bytes32 id, uint64 oldSize, uint64 headSize, bytes32 headRoot);
    error NotLarger(bytes32 id, uint64 oldSize, uint64 newSize);
    error NotAnExtension(bytes32 id, uint64 oldSize, uint64 newSize);
    error DictionaryFrozen(bytes32 id);
    error UnknownVersion(bytes32 id, uint64 number, uint64 versions);
    error SignatureExpired(bytes32 id, uint256 deadline);
    error TextTooLong(uint256 length, uint256 limit);

    uint256 public constant MAX_NAME = 31; // bytes
    uint256 public constant MAX_REASON = 512; // bytes

    /// The first word of an entry's hash says what the entry is.
    uint256 private constant PUBLISHED = 1;
    uint256 private constant DEPRECATED = 2;

    bytes32 private constant DOMAIN_TYPEHASH =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    bytes32 private constant PUBLISH_TYPEHASH = keccak256(
        "Publish(bytes32 id,uint64 oldSize,uint64 newSize,bytes32 root,bytes32 manifest,bytes32 history,uint256 deadline)"
    );
    /// secp256k1n / 2: the larger of a signature's two values of s is refused.
    uint256 private constant MAX_S = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0;

    mapping(bytes32 id => Dictionary) private _dictionaries; // slot 0

    // Owners

    /// @notice Makes an empty dictionary that belongs to the caller.
    /// @return id names the dictionary on this chain and in this contract only
    function register(bytes32 salt) external returns (bytes32 id) {
        id = idOf(msg.sender, salt);
        Dictionary storage d = _dictionaries[id];
        if (d.owner != address(0)) revert AlreadyRegistered(id);
        d.owner = msg.sender;
        emit Registered(id, msg.sender, salt);
    }

    /// @notice Offers the dictionary to another owner, who has to accept; the zero address takes the offer back.
    function transferOwnership(bytes32 id, address to) external {
        _owned(id).pendingOwner = to;
        emit OwnershipOffered(id, msg.sender, to);
    }

    /// @notice Takes an offered dictionary over. The publishers that the old owner allowed are so no longer.
    function acceptOwnership(bytes32 id) external {
        Dictionary storage d = _registered(id);
        if (d.pendingOwner != msg.sender) revert NotPendingOwner(id, msg.sender);
        emit OwnershipTransferred(id, d.owner, msg.sender);
        d.owner = msg.sender;
        d.term++;
        d.pendingOwner = address(0);
    }

    /// @notice Allows another account to publish, or takes that back.
    function setPublisher(bytes32 id, address account, bool allowed) external {
        Dictionary storage d = _owned(id);
        d.publishers[d.term][account] = allowed;
        emit PublisherSet(id, account, allowed);
    }

    /// @notice Gives the dictionary a name for people; it proves nothing and need not be unique.
    function setName(bytes32 id, string calldata name) external {
        if (bytes(name).length > MAX_NAME) revert TextTooLong(bytes(name).length, MAX_NAME);
        _owned(id).name = name;
        emit Named(id, name);
    }

    /// @notice Ends the dictionary: no further version can be published, by anyone.
    function freeze(bytes32 id) external {
        Dictionary storage d = _owned(id);
        if (d.frozen) revert DictionaryFrozen(id);
        d.frozen = true;
        emit Frozen(id);
    }

    /// @notice States for all time that a version should no longer be used, and why. Removes nothing.
    /// @param number of the version, 1 for the first
    function deprecate(bytes32 id, uint64 number, string calldata reason) external {
        Dictionary storage d = _owned(id);
        if (number == 0 || number > d.versions) revert UnknownVersion(id, number, d.versions);
        if (bytes(reason).length > MAX_REASON) revert TextTooLong(bytes(reason).length, MAX_REASON);
        emit Deprecated(id, number, reason, uint64(block.timestamp), d.blockNumber);
        d.history = _link(d.history, hashDeprecated(id, number, reason, uint64(block.number), uint64(block.timestamp)));
        d.blockNumber = uint64(block.number);
        d.time = uint64(block.timestamp);
    }

    // Publishers

    /// @notice Appends a version. The caller must be the owner or an allowed publisher.
    /// @param proof RFC 9162 consistency proof from the head version to the new one; empty if the dictionary is
    function publish(Extension calldata e, bytes32[] calldata proof) external {
        _publish(_registered(e.id), e, proof, msg.sender);
    }

    /// @notice Appends a version that the owner or an allowed publisher signed (EIP-712); anyone may submit it.
    /// @dev The signature covers the history hash on which it builds, so it works at most once.
    /// @param deadline timestamp after which the signature is void
    function publishSigned(
        Extension calldata e,
        bytes32[] calldata proof,
        uint256 deadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external {
        Dictionary storage d = _registered(e.id);
        if (block.timestamp > deadline) revert SignatureExpired(e.id, deadline);
        address signer = uint256(s) > MAX_S ? address(0) : ecrecover(_digest(e, d.history, deadline), v, r, s);
        if (signer == address(0)) revert NotPublisher(e.id, signer);
        _publish(d, e, proof, signer);
    }

    // Views

    /// @notice What `register(salt)` called by `sender` makes the dictionary's id.
    function idOf(address sender, bytes32 salt) public view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(this), sender, salt));
    }

    /// @notice The head record. Reverts with NotRegistered if there is no such dictionary.
    function head(bytes32 id) external view returns (Head memory) {
        Dictionary storage d = _registered(id);
        return Head({
            root: d.root,
            manifest: d.manifest,
            history: d.history,
            size: d.size,
            versions: d.versions,
            blockNumber: d.blockNumber,
            time: d.time,
            owner: d.owner,
            term: d.term,
            frozen: d.frozen,
            pendingOwner: d.pendingOwner,
            name: d.name
        });
    }

    /// @notice Whether the account may publish now.
    function mayPublish(bytes32 id, address account) external view returns (bool) {
        Dictionary storage d = _registered(id);
        return !d.frozen && (account == d.owner || d.publishers[d.term][account]);
    }

    /// @notice What a publisher signs for publishSigned, on top of the history as it is now.
    function digestToSign(Extension calldata e, uint256 deadline) external view returns (bytes32) {
        return _digest(e, _registered(e.id).history, deadline);
    }

    /// @notice Whether note number `index` (from 0) of the head version is the one whose CIDv1 (raw, sha2-256) has this digest.
    function includesNote(bytes32 id, uint64 index, bytes32 digest, bytes32[] calldata proof)
        external
        view
        returns (bool)
    {
        Dictionary storage d = _registered(id);
        return isIncluded(d.size, d.root, index, hashNote(digest), proof);
    }

    /// @notice Whether the head version extends the version (size, root).
    function extends(bytes32 id, uint64 size, bytes32 root, bytes32[] calldata proof) external view returns (bool) {
        Dictionary storage d = _registered(id);
        return isConsistent(size, root, d.size, d.root, proof);
    }

    /// @notice Whether the entry is in the history: linked to `before`, then with `later` on top, it gives the history hash.
    /// @param before the history hash before the entry, 0 for the first
    /// @param entry hashPublished or hashDeprecated of the entry
    /// @param later the hashes of all later entries
    function inHistory(bytes32 id, bytes32 before, bytes32 entry, bytes32[] calldata later)
        external
        view
        returns (bool)
    {
        bytes32 history = _link(before, entry);
        for (uint256 i = 0; i < later.length; i++) {
            history = _link(history, later[i]);
        }
        return history == _registered(id).history;
    }

    /// @notice The hash of the entry that a publication adds to the history.
    function hashPublished(
        bytes32 id,
        uint64 number,
        uint64 size,
        bytes32 root,
        bytes32 manifest,
        address publisher,
        uint64 blockNumber,
        uint64 time
    ) public pure returns (bytes32) {
        return keccak256(abi.encode(PUBLISHED, id, number, size, root, manifest, publisher, blockNumber, time));
    }

    /// @notice The hash of the entry that a deprecation adds to the history.
    function hashDeprecated(bytes32 id, uint64 number, string calldata reason, uint64 blockNumber, uint64 time)
        public
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(DEPRECATED, id, number, keccak256(bytes(reason)), blockNumber, time));
    }

    /// @notice The leaf hash of a note: SHA-256 of 0x00 and the note's binary CID.
    function hashNote(bytes32 digest) public pure returns (bytes32) {
        return sha256(abi.encodePacked(hex"0001551220", digest));
    }

    /// @notice RFC 9162, section 2.1.3.2: whether leaf number `index` of the tree (size, root) has this leaf hash.
    function isIncluded(uint64 size, bytes32 root, uint64 index, bytes32 leafHash, bytes32[] calldata proof)
        public
        view
        returns (bool)
    {
        if (index >= size) return false;
        uint256 fn = index;
        uint256 sn = uint256(size) - 1;
        bytes32 r = leafHash;
        for (uint256 i = 0; i < proof.length; i++) {
            if (sn == 0) return false;
            if (fn & 1 == 1 || fn == sn) {
                r = _hashNode(proof[i], r);
                while (fn & 1 == 0 && fn != 0) {
                    fn >>= 1;
                    sn >>= 1;
                }
            } else {
                r = _hashNode(r, proof[i]);
            }
            fn >>= 1;
            sn >>= 1;
        }
        return sn == 0 && r == root;
    }

    /// @notice RFC 9162, section 2.1.4.2: whether the first `oldSize` leaves of the tree (newSize, newRoot) are the tree
    /// (oldSize, oldRoot). Every tree extends the empty one and itself, with an empty proof.
    function isConsistent(uint64 oldSize, bytes32 oldRoot, uint64 newSize, bytes32 newRoot, bytes32[] calldata proof)
        public
        view
        returns (bool)
    {
        if (oldSize > newSize) return false;
        if (oldSize == 0 && oldRoot != sha256("")) return false;
        if (oldSize == newSize) return proof.length == 0 && oldRoot == newRoot;
        if (oldSize == 0) return proof.length == 0;
        uint256 fn = uint256(oldSize) - 1;
        uint256 sn = uint256(newSize) - 1;
        while (fn & 1 == 1) {
            fn >>= 1;
            sn >>= 1;
        }
        // With a power of two the old root is itself a node of the new tree, and the proof leaves it out.
        uint256 i = 0;
        bytes32 fr = oldRoot;
        if (fn != 0) {
            if (proof.length == 0) return false;
            fr = proof[i++];
        }
        bytes32 sr = fr;
        for (; i < proof.length; i++) {
            if (sn == 0) return false;
            bytes32 c = proof[i];
            if (fn & 1 == 1 || fn == sn) {
                fr = _hashNode(c, fr);
                sr = _hashNode(c, sr);
                while (fn & 1 == 0 && fn != 0) {
                    fn >>= 1;
                    sn >>= 1;
                }
            } else {
                sr = _hashNode(sr, c);
            }
            fn >>= 1;
            sn >>= 1;
        }
        return sn == 0 && fr == oldRoot && sr == newRoot;
    }

    // Inside

    function _registered(bytes32 id) private view returns (Dictionary storage d) {
        d = _dictionaries[id];
        if (d.owner == address(0)) revert NotRegistered(id);
    }

    function _owned(bytes32 id) private view returns (Dictionary storage d) {
        d = _registered(id);
        if (d.owner != msg.sender) revert NotOwner(id, msg.sender);
    }

    function _publish(Dictionary storage d, Extension calldata e, bytes32[] calldata proof, address publisher) private {
        if (publisher != d.owner && !d.publishers[d.term][publisher]) revert NotPublisher(e.id, publisher);
        if (d.frozen) revert DictionaryFrozen(e.id);
        _checkExtension(d.size, d.root, e, proof);

        (uint64 number, uint64 blockNumber, uint64 time) =
            (d.versions + 1, uint64(block.number), uint64(block.timestamp));
        emit Published(e.id, number, e.newSize, e.root, e.manifest, publisher, time, d.blockNumber);
        d.root = e.root;
        d.manifest = e.manifest;
        d.history =
            _link(d.history, hashPublished(e.id, number, e.newSize, e.root, e.manifest, publisher, blockNumber, time));
        d.size = e.newSize;
        d.versions = number;
        d.blockNumber = blockNumber;
        d.time = time;
    }

    function _checkExtension(uint64 size, bytes32 root, Extension calldata e, bytes32[] calldata proof) private view {
        if (e.oldSize != size) revert StaleVersion(e.id, e.oldSize, size, root);
        if (e.newSize <= size) revert NotLarger(e.id, size, e.newSize);
        // The slot of an empty dictionary's root is zero; the empty tree's root is SHA-256 of nothing.
        if (size == 0) root = sha256("");
        if (!isConsistent(size, root, e.newSize, e.root, proof)) revert NotAnExtension(e.id, size, e.newSize);
    }

    /// The history hash after an entry.
    function _link(bytes32 history, bytes32 entry) private pure returns (bytes32) {
        return keccak256(abi.encode(history, entry));
    }

    function _digest(Extension calldata e, bytes32 history, uint256 deadline) private view returns (bytes32) {
        bytes32 domain = keccak256(
            abi.encode(DOMAIN_TYPEHASH, keccak256("DictionaryRegistry"), keccak256("1"), block.chainid, address(this))
        );
        bytes32 message =
            keccak256(abi.encode(PUBLISH_TYPEHASH, e.id, e.oldSize, e.newSize, e.root, e.manifest, history, deadline));
        return keccak256(abi.encodePacked(hex"1901", domain, message));
    }

    /// The hash of an inner node: SHA-256 of 0x01, left and right.
    /// @dev In assembly because `sha256(abi.encodePacked(...))` copies its input twice and takes fresh memory at every
    /// call, which doubles the gas of a proof. Writes the scratch space and, one byte beyond it, the highest byte of the free
    /// memory pointer, which is zero before and after.
    function _hashNode(bytes32 left, bytes32 right) private view returns (bytes32 result) {
        assembly ("memory-safe") {
            mstore8(0x00, 0x01)
            mstore(0x01, left)
            mstore(0x21, right)
            if iszero(staticcall(gas(), 0x02, 0x00, 0x41, 0x00, 0x20)) { revert(0x00, 0x00) }
            result := mload(0x00)
            mstore8(0x40, 0x00)
        }
    }
}
