// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

/// What our tests use of forge.
interface Vm {
    function addr(uint256 key) external pure returns (address);
    function expectEmit(bool topic1, bool topic2, bool topic3, bool data, address emitter) external;
    function expectRevert(bytes calldata data) external;
    function load(address account, bytes32 slot) external view returns (bytes32);
    function prank(address sender) external;
    function roll(uint256 number) external;
    function sign(uint256 key, bytes32 digest) external pure returns (uint8 v, bytes32 r, bytes32 s);
    function warp(uint256 time) external;
    function chainId(uint256 id) external;
}

abstract contract Test {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    error Different(string what, uint256 got, uint256 want);

    function equal(uint256 got, uint256 want, string memory what) internal pure {
        if (got != want) revert Different(what, got, want);
    }

    function equal(bytes32 got, bytes32 want, string memory what) internal pure {
        equal(uint256(got), uint256(want), what);
    }

    function equal(address got, address want, string memory what) internal pure {
        equal(uint160(got), uint160(want), what);
    }

    function isTrue(bool got, string memory what) internal pure {
        if (!got) revert Different(what, 0, 1);
    }

    function isFalse(bool got, string memory what) internal pure {
        if (got) revert Different(what, 1, 0);
    }

    /// x as a number from min to max.
    function bound(uint256 x, uint256 min, uint256 max) internal pure returns (uint256) {
        return min + x % (max - min + 1);
    }
}
