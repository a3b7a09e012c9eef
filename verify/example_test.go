package verify_test

import (
	"context"
	"fmt"

	"github.com/seed-43fb3962/sstream/fetch"
	"github.com/seed-43fb3962/sstream/sign"
	"github.com/seed-43fb3962/sstream/verify"
)

// Everything that a mirror lists is read, and what is wrong is told.
func ExampleRun() {
	keys, err := sign.LoadKeyring("../examples/keys/example.gpg")
	if err != nil {
		fmt.Println(err)
		return
	}
	m, err := fetch.Open("../examples/foocloud", fetch.Options{Policy: &sign.Policy{Keys: keys}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Close()
	report, err := verify.Run(context.Background(), m, verify.Options{Signed: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, p := range report.Problems {
		fmt.Println(p.Path, p.Text)
	}
	fmt.Println(report.Files, "files,", report.Open(), "problems")
	// Output: 36 files, 0 problems
}
