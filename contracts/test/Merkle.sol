// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

/// The tree of RFC 9162, section 2.1, written down from its recursive definitions and from nothing else. It shares no
/// code and no idea with the contract, which works from the bits of the sizes.
library Merkle {
    /// Section 2.1.1, MTH. Leaves are given by their hashes.
    function root(bytes32[] memory list) internal pure returns (bytes32) {
        return root(list, 0, list.length);
    }

    function root(bytes32[] memory list, uint256 from, uint256 to) internal pure returns (bytes32) {
        if (from == to) return sha256("");
        if (to - from == 1) return list[from];
        uint256 k = split(to - from);
        return node(root(list, from, from + k), root(list, from + k, to));
    }

    /// Section 2.1.3.1, PATH.
    function inclusion(bytes32[] memory list, uint256 index) internal pure returns (bytes32[] memory) {
        return path(list, index, 0, list.length);
    }

    function path(bytes32[] memory list, uint256 index, uint256 from, uint256 to)
        private
        pure
        returns (bytes32[] memory)
    {
        if (to - from == 1) return new bytes32[](0);
        uint256 middle = from + split(to - from);
        return index < middle
            ? append(path(list, index, from, middle), root(list, middle, to))
            : append(path(list, index, middle, to), root(list, from, middle));
    }

    /// Section 2.1.4.1, PROOF, from the first `size` leaves to all.
    function consistency(bytes32[] memory list, uint256 size) internal pure returns (bytes32[] memory) {
        if (size == 0 || size == list.length) return new bytes32[](0);
        return subproof(list, size, 0, list.length, true);
    }

    function subproof(bytes32[] memory list, uint256 size, uint256 from, uint256 to, bool whole)
        private
        pure
        returns (bytes32[] memory)
    {
        if (size == to) {
            bytes32[] memory none = new bytes32[](0);
            return whole ? none : append(none, root(list, from, to));
        }
        uint256 middle = from + split(to - from);
        return size <= middle
            ? append(subproof(list, size, from, middle, whole), root(list, middle, to))
            : append(subproof(list, size, middle, to, false), root(list, from, middle));
    }

    function node(bytes32 left, bytes32 right) internal pure returns (bytes32) {
        return sha256(abi.encodePacked(bytes1(0x01), left, right));
    }

    /// The largest power of two smaller than n, for n >= 2.
    function split(uint256 n) private pure returns (uint256 k) {
        for (k = 1; k * 2 < n; k *= 2) {}
    }

    function append(bytes32[] memory list, bytes32 last) internal pure returns (bytes32[] memory longer) {
        longer = new bytes32[](list.length + 1);
        for (uint256 i = 0; i < list.length; i++) {
            longer[i] = list[i];
        }
        longer[list.length] = last;
    }

    /// n leaf hashes that follow from a seed; the first m of n are those of m.
    function leaves(uint256 seed, uint256 n) internal pure returns (bytes32[] memory list) {
        list = new bytes32[](n);
        for (uint256 i = 0; i < n; i++) {
            list[i] = keccak256(abi.encode(seed, i));
        }
    }

    function first(bytes32[] memory list, uint256 n) internal pure returns (bytes32[] memory shorter) {
        shorter = new bytes32[](n);
        for (uint256 i = 0; i < n; i++) {
            shorter[i] = list[i];
        }
    }
}
