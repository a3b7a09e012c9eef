// Package vcdiff makes and applies deltas in the VCDIFF format of RFC 3284, as xdelta3 writes it.
//
// An [Encoder] makes a delta between two files of any size, such as two versions of a disk image; [Decode] applies one;
// [Inspect] says what is in one. Sources and targets of an encoder are [io.ReaderAt] (a file, a section of one, bytes
// in memory), as both are looked at more than once; a delta is read and written as a stream. No call keeps more in memory
// than its options say.
//
// What an encoder writes is decoded by stock xdelta3 from 3.0.11 on, called as LXD and Incus call it
// (xdelta3 -f -d -s SOURCE DELTA TARGET). What Decode reads is all that xdelta3 -e writes by default, at any level,
// compressed with LZMA or not at all. It does not read deltas with VCD_TARGET windows, code tables of their own, or
// the secondary compressors DJW and FGK, and says so.
//
// # How the encoder works
//
// The whole source is looked at, not a window of it, so it does not matter how far data has moved. The windows of the
// target are worked on in two rounds, several at a time. The first finds long matches, from anywhere in the source, by
// the hash of 64 bytes at every 4 KiB of it. The second takes what the first left: it looks for shorter matches among
// the parts of the source that nothing was copied from yet, then for short ones in the neighbourhood. Between the two,
// matches are dropped that stock xdelta3, which keeps 64 MiB of its source in memory, would take longer to copy than they
// are worth. What is left is compressed with LZMA where that pays, as one stream over all windows: batches of these are
// compressed at the same time, each with the bytes before it as dictionary.
package vcdiff
