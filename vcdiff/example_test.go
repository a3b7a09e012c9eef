package vcdiff_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"strings"

	"github.com/seed-43fb3962/sstream/vcdiff"
)

func Example() {
	ctx := context.Background()
	source := strings.Repeat("The quick brown fox jumps over the lazy dog. ", 100)
	target := strings.Replace(source, "lazy", "sleeping", 3)

	var delta bytes.Buffer
	enc := vcdiff.NewEncoder(&delta, strings.NewReader(source), int64(len(source)), nil)
	stats, err := enc.Encode(ctx, strings.NewReader(target), int64(len(target)))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("less than a tenth:", stats.Ratio() < 0.1)

	var out bytes.Buffer
	n, err := vcdiff.Decode(ctx, &out, strings.NewReader(source), &delta, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(n, out.String() == target)
	// Output:
	// less than a tenth: true
	// 4512 true
}

// Two versions of an image are files. A delta is published only if it was found to make the new one, and none is made
// that would save less than a fifth.
func ExampleEncoder() {
	publish := func(ctx context.Context, oldPath, newPath, deltaPath string) error {
		source, err := os.Open(oldPath)
		if err != nil {
			return err
		}
		defer source.Close()
		target, err := os.Open(newPath)
		if err != nil {
			return err
		}
		defer target.Close()
		size := func(f *os.File) int64 {
			info, err := f.Stat()
			if err != nil {
				return 0
			}
			return info.Size()
		}
		delta, err := os.Create(deltaPath + ".part")
		if err != nil {
			return err
		}
		defer delta.Close()
		enc := vcdiff.NewEncoder(delta, source, size(source), &vcdiff.Options{MaxRatio: 0.8})
		_, err = enc.Encode(ctx, target, size(target))
		if errors.Is(err, vcdiff.ErrNotWorthwhile) {
			return os.Remove(delta.Name())
		} else if err != nil {
			return err
		}
		if _, err := delta.Seek(0, 0); err != nil {
			return err
		}
		if err := vcdiff.Verify(ctx, source, delta, target, size(target)); err != nil {
			return err
		}
		return os.Rename(delta.Name(), deltaPath)
	}
	fmt.Println(publish(context.Background(), "testdata/none.img", "testdata/new.img", "new.none.vcdiff"))
	// Output: open testdata/none.img: no such file or directory
}

func ExampleDecode_wrongSource() {
	ctx := context.Background()
	source, target := strings.Repeat("one two three ", 50), strings.Repeat("one two three ", 60)
	var delta bytes.Buffer
	enc := vcdiff.NewEncoder(&delta, strings.NewReader(source), int64(len(source)), nil)
	if _, err := enc.Encode(ctx, strings.NewReader(target), int64(len(target))); err != nil {
		log.Fatal(err)
	}
	_, err := vcdiff.Decode(ctx, &bytes.Buffer{}, strings.NewReader("something else"), &delta, nil)
	fmt.Println(errors.Is(err, vcdiff.ErrWrongSource))
	// Output: true
}

func ExampleInspect() {
	var delta bytes.Buffer
	target := strings.NewReader("nothing to copy from")
	if _, err := vcdiff.NewEncoder(&delta, nil, 0, nil).Encode(context.Background(), target, target.Size()); err != nil {
		log.Fatal(err)
	}
	info, err := vcdiff.Inspect(&delta)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(info.Target, info.Added, info.Windows, info.Secondary)
	// Output: 20 20 1 lzma
}
