//go:build !purego

#include "textflag.h"

// The constants of SHA-256, FIPS 180-4 section 4.2.2.
DATA k<>+0(SB)/8, $0x71374491428a2f98
DATA k<>+8(SB)/8, $0xe9b5dba5b5c0fbcf
DATA k<>+16(SB)/8, $0x59f111f13956c25b
DATA k<>+24(SB)/8, $0xab1c5ed5923f82a4
DATA k<>+32(SB)/8, $0x12835b01d807aa98
DATA k<>+40(SB)/8, $0x550c7dc3243185be
DATA k<>+48(SB)/8, $0x80deb1fe72be5d74
DATA k<>+56(SB)/8, $0xc19bf1749bdc06a7
DATA k<>+64(SB)/8, $0xefbe4786e49b69c1
DATA k<>+72(SB)/8, $0x240ca1cc0fc19dc6
DATA k<>+80(SB)/8, $0x4a7484aa2de92c6f
DATA k<>+88(SB)/8, $0x76f988da5cb0a9dc
DATA k<>+96(SB)/8, $0xa831c66d983e5152
DATA k<>+104(SB)/8, $0xbf597fc7b00327c8
DATA k<>+112(SB)/8, $0xd5a79147c6e00bf3
DATA k<>+120(SB)/8, $0x1429296706ca6351
DATA k<>+128(SB)/8, $0x2e1b213827b70a85
DATA k<>+136(SB)/8, $0x53380d134d2c6dfc
DATA k<>+144(SB)/8, $0x766a0abb650a7354
DATA k<>+152(SB)/8, $0x92722c8581c2c92e
DATA k<>+160(SB)/8, $0xa81a664ba2bfe8a1
DATA k<>+168(SB)/8, $0xc76c51a3c24b8b70
DATA k<>+176(SB)/8, $0xd6990624d192e819
DATA k<>+184(SB)/8, $0x106aa070f40e3585
DATA k<>+192(SB)/8, $0x1e376c0819a4c116
DATA k<>+200(SB)/8, $0x34b0bcb52748774c
DATA k<>+208(SB)/8, $0x4ed8aa4a391c0cb3
DATA k<>+216(SB)/8, $0x682e6ff35b9cca4f
DATA k<>+224(SB)/8, $0x78a5636f748f82ee
DATA k<>+232(SB)/8, $0x8cc7020884c87814
DATA k<>+240(SB)/8, $0xa4506ceb90befffa
DATA k<>+248(SB)/8, $0xc67178f2bef9a3f7
GLOBL k<>(SB), RODATA|NOPTR, $256

// Bytes of words the other way round.
DATA swap<>+0(SB)/8, $0x0405060700010203
DATA swap<>+8(SB)/8, $0x0c0d0e0f08090a0b
GLOBL swap<>(SB), RODATA|NOPTR, $16

// Two messages, one in X1 to X6 and one in X7 to X12: the words ABEF and CDGH of the state as the instructions want them, and 16
// words of the message, of which those that are used up give way to those 16 further on. X0 is what SHA256RNDS2 takes besides.

// LOAD reads four words of the message.
#define LOAD(at, msg) \
	MOVOU  at, msg  \
	PSHUFB X15, msg

// FOUR does four rounds.
#define FOUR(i, msg, abef, cdgh) \
	MOVO        msg, X0        \
	PADDD       (i*16)(AX), X0 \
	SHA256RNDS2 X0, abef, cdgh \
	PSHUFD      $0x0e, X0, X0  \
	SHA256RNDS2 X0, cdgh, abef

// NEXT ends the words after now, of which before are the four that come before now, in next.
#define NEXT(before, now, next) \
	MOVO       now, X14         \
	PALIGNR    $4, before, X14  \
	PADDD      X14, next        \
	SHA256MSG2 now, next

// BOTH does four rounds of each message; PLAN, besides, begins the words 12 further on, in the place of those before.
#define BOTH(i, a, b) \
	FOUR(i, a, X1, X2) \
	FOUR(i, b, X7, X8)

#define PLAN(i, a0, a1, b0, b1) \
	BOTH(i, a1, b1)    \
	SHA256MSG1 a1, a0  \
	SHA256MSG1 b1, b0

// STATE brings ABCD and EFGH into the order of the instructions, ETATS back.
#define STATE(at, abef, cdgh) \
	MOVOU   (at), abef         \
	MOVOU   16(at), cdgh       \
	PSHUFD  $0xb1, abef, abef  \
	PSHUFD  $0x1b, cdgh, cdgh  \
	MOVO    abef, X14          \
	PALIGNR $8, cdgh, abef     \
	PBLENDW $0xf0, X14, cdgh

#define ETATS(at, abef, cdgh) \
	PSHUFD  $0x1b, abef, abef  \
	PSHUFD  $0xb1, cdgh, cdgh  \
	MOVO    abef, X14          \
	PBLENDW $0xf0, cdgh, abef  \
	PALIGNR $8, X14, cdgh      \
	MOVOU   abef, (at)         \
	MOVOU   cdgh, 16(at)

// func blocksSHANI(x, y *state, a, b *byte, n int)
TEXT ·blocksSHANI(SB), NOSPLIT, $64-40
	MOVQ  x+0(FP), R8
	MOVQ  y+8(FP), R9
	MOVQ  a+16(FP), SI
	MOVQ  b+24(FP), DI
	MOVQ  n+32(FP), CX
	LEAQ  k<>(SB), AX
	MOVOU swap<>(SB), X15
	STATE(R8, X1, X2)
	STATE(R9, X7, X8)

loop:
	MOVOU X1, 0(SP)
	MOVOU X2, 16(SP)
	MOVOU X7, 32(SP)
	MOVOU X8, 48(SP)
	LOAD(0(SI), X3)
	LOAD(0(DI), X9)
	LOAD(16(SI), X4)
	LOAD(16(DI), X10)
	LOAD(32(SI), X5)
	LOAD(32(DI), X11)
	LOAD(48(SI), X6)
	LOAD(48(DI), X12)
	BOTH(0, X3, X9)
	PLAN(1, X3, X4, X9, X10)
	PLAN(2, X4, X5, X10, X11)
	NEXT(X5, X6, X3)
	NEXT(X11, X12, X9)
	PLAN(3, X5, X6, X11, X12)
	NEXT(X6, X3, X4)
	NEXT(X12, X9, X10)
	PLAN(4, X6, X3, X12, X9)
	NEXT(X3, X4, X5)
	NEXT(X9, X10, X11)
	PLAN(5, X3, X4, X9, X10)
	NEXT(X4, X5, X6)
	NEXT(X10, X11, X12)
	PLAN(6, X4, X5, X10, X11)
	NEXT(X5, X6, X3)
	NEXT(X11, X12, X9)
	PLAN(7, X5, X6, X11, X12)
	NEXT(X6, X3, X4)
	NEXT(X12, X9, X10)
	PLAN(8, X6, X3, X12, X9)
	NEXT(X3, X4, X5)
	NEXT(X9, X10, X11)
	PLAN(9, X3, X4, X9, X10)
	NEXT(X4, X5, X6)
	NEXT(X10, X11, X12)
	PLAN(10, X4, X5, X10, X11)
	NEXT(X5, X6, X3)
	NEXT(X11, X12, X9)
	PLAN(11, X5, X6, X11, X12)
	NEXT(X6, X3, X4)
	NEXT(X12, X9, X10)
	PLAN(12, X6, X3, X12, X9)
	NEXT(X3, X4, X5)
	NEXT(X9, X10, X11)
	BOTH(13, X4, X10)
	NEXT(X4, X5, X6)
	NEXT(X10, X11, X12)
	BOTH(14, X5, X11)
	BOTH(15, X6, X12)
	MOVOU 0(SP), X3
	MOVOU 16(SP), X4
	MOVOU 32(SP), X5
	MOVOU 48(SP), X6
	PADDD X3, X1
	PADDD X4, X2
	PADDD X5, X7
	PADDD X6, X8
	ADDQ  $64, SI
	ADDQ  $64, DI
	DECQ  CX
	JNZ   loop
	ETATS(R8, X1, X2)
	ETATS(R9, X7, X8)
	RET

// func hasSHA() bool
TEXT ·hasSHA(SB), NOSPLIT, $0-1
	MOVB  $0, ret+0(FP)
	XORL  AX, AX
	CPUID
	CMPL  AX, $7
	JB    no
	MOVL  $1, AX
	XORL  CX, CX
	CPUID
	ANDL  $(1<<9 | 1<<19), CX // SSSE3, SSE4.1
	CMPL  CX, $(1<<9 | 1<<19)
	JNE   no
	MOVL  $7, AX
	XORL  CX, CX
	CPUID
	SHRL  $29, BX // SHA
	ANDL  $1, BX
	MOVB  BX, ret+0(FP)

no:
	RET
