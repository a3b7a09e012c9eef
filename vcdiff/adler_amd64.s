//go:build !purego

#include "textflag.h"

// How often each byte of 16 counts, as words.
DATA first<>+0(SB)/8, $0x000d000e000f0010
DATA first<>+8(SB)/8, $0x0009000a000b000c
GLOBL first<>(SB), RODATA|NOPTR, $16
DATA second<>+0(SB)/8, $0x0005000600070008
DATA second<>+8(SB)/8, $0x0001000200030004
GLOBL second<>(SB), RODATA|NOPTR, $16

// func adlerSums(b *[adlerBlock]byte) (plain, weighted uint64)
//
// It needs no more than SSE2, which all these processors have.
TEXT ·adlerSums(SB), NOSPLIT, $0-24
	MOVQ  b+0(FP), SI
	MOVQ  $64, CX          // twice 16 bytes each: adlerBlock
	PXOR  X0, X0           // zeros
	PXOR  X1, X1           // sum of the bytes so far, in two lanes
	PXOR  X2, X2           // sum of these sums before each 16 bytes, in two lanes
	PXOR  X3, X3           // sum of the bytes by their places in 16, in four lanes
	MOVOU first<>(SB), X4
	MOVOU second<>(SB), X5

loop:
	MOVOU     (SI), X6
	MOVOU     16(SI), X9
	PADDQ     X1, X2
	MOVO      X6, X7
	MOVO      X6, X8
	PSADBW    X0, X6
	PUNPCKLBW X0, X7
	PUNPCKHBW X0, X8
	PMADDWL   X4, X7
	PMADDWL   X5, X8
	PADDQ     X6, X1
	PADDL     X7, X3
	PADDL     X8, X3
	PADDQ     X1, X2
	MOVO      X9, X10
	MOVO      X9, X11
	PSADBW    X0, X9
	PUNPCKLBW X0, X10
	PUNPCKHBW X0, X11
	PMADDWL   X4, X10
	PMADDWL   X5, X11
	PADDQ     X9, X1
	PADDL     X10, X3
	PADDL     X11, X3
	ADDQ      $32, SI
	SUBQ      $1, CX
	JNE       loop

	// plain is the sum of the lanes of X1.
	PSHUFD $0xee, X1, X6
	PADDQ  X6, X1
	MOVQ   X1, AX
	MOVQ   AX, plain+8(FP)

	// weighted is 16 times that of X2 and once that of X3.
	PSHUFD $0xee, X2, X6
	PADDQ  X6, X2
	MOVQ   X2, AX
	SHLQ   $4, AX
	PSHUFD $0xee, X3, X6
	PADDL  X6, X3
	PSHUFD $0x55, X3, X6
	PADDL  X6, X3
	MOVQ   X3, BX
	MOVL   BX, BX
	ADDQ   BX, AX
	MOVQ   AX, weighted+16(FP)
	RET
