package sign

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// GPG signs with gpg: its keys, its agent and pinentry, its smart cards, its gpg.conf. The zero value signs with gpg's
// default key in the default home.
type GPG struct {
	Program string // "" means gpg
	Key     string // which key, as gpg's --default-key takes it; "" means gpg's choice
	Ask     bool   // gpg may ask questions on the terminal; false: --batch
}

// GPGFrom returns a GPG set up by the environment, as the Python tools read it: SS_GPG_DEFAULT_KEY names the key,
// SS_GPG_BATCH=0 lets gpg ask. gpg itself honours GNUPGHOME.
func GPGFrom(getenv func(string) string) *GPG {
	batch := strings.ToLower(getenv("SS_GPG_BATCH"))
	return &GPG{Key: getenv("SS_GPG_DEFAULT_KEY"), Ask: batch == "0" || batch == "false"}
}

func (g *GPG) args(action ...string) []string {
	args := []string{g.Program}
	if g.Program == "" {
		args[0] = "gpg"
	}
	if g.Key != "" {
		args = append(args, "--default-key", g.Key)
	}
	if !g.Ask {
		args = append(args, "--batch")
	}
	return append(args, action...)
}

// Clearsign implements [Signer].
func (g *GPG) Clearsign(ctx context.Context, body []byte) ([]byte, error) {
	body, err := Signable(body)
	if err != nil {
		return nil, err
	}
	doc, err := pipe(ctx, g.args("--output", "-", "--clearsign"), nil, body)
	if err != nil {
		return nil, err
	}
	if err := checkClear(doc, coveredText(body)); err != nil {
		return nil, fmt.Errorf("what gpg made of the document cannot be used: %w", err)
	}
	return doc, nil
}

// Detach implements [Signer].
func (g *GPG) Detach(ctx context.Context, body []byte) ([]byte, error) {
	block, err := pipe(ctx, g.args("--output", "-", "--armor", "--detach-sign"), nil, body)
	if err != nil {
		return nil, err
	}
	if _, err := binarySignature(block); err != nil {
		return nil, fmt.Errorf("what gpg made of the document cannot be used: %w", err)
	}
	return block, nil
}

// Command signs with any program: a key service's client, a token's, a script. It reads what is to be signed, to the
// last byte, from its standard input, and writes an OpenPGP signature over it, armored or binary, to its standard
// output. The variable SSTREAM_SIGN tells it what the signature is for:
//
//   - "detached": a signature over the bytes of a document (gpg --detach-sign makes one).
//   - "clearsigned": the text of a document that is to be clear-signed. The signature must be over text
//     (gpg --textmode --detach-sign); instead, the program may write the whole clear-signed document.
//
// If it exits with another status than 0, its standard error says why.
type Command struct {
	Args []string // the program and its arguments
}

// Clearsign implements [Signer].
func (c *Command) Clearsign(ctx context.Context, body []byte) ([]byte, error) {
	text, err := clearText(body)
	if err != nil {
		return nil, err
	}
	out, err := pipe(ctx, c.Args, []string{"SSTREAM_SIGN=clearsigned"}, text)
	if err != nil {
		return nil, err
	}
	var doc []byte
	if bytes.HasPrefix(out, []byte(clearHeader)) {
		doc, err = out, checkClear(out, text)
	} else {
		doc, err = c.assemble(text, out)
	}
	if err != nil {
		return nil, fmt.Errorf("what %s wrote cannot be used: %w", c.Args[0], err)
	}
	return doc, nil
}

func (c *Command) assemble(text, signature []byte) ([]byte, error) {
	raw, err := binarySignature(signature)
	if err != nil {
		return nil, err
	}
	return clearDocument(text, raw)
}

// Detach implements [Signer].
func (c *Command) Detach(ctx context.Context, body []byte) ([]byte, error) {
	out, err := pipe(ctx, c.Args, []string{"SSTREAM_SIGN=detached"}, body)
	if err != nil {
		return nil, err
	}
	raw, err := binarySignature(out)
	if err == nil {
		_, err = readSignatures(raw)
	}
	if err != nil {
		return nil, fmt.Errorf("what %s wrote cannot be used: %w", c.Args[0], err)
	}
	return enarmor(raw, armorSignature)
}

// pipe runs a program on input and returns what it writes.
func pipe(ctx context.Context, args, env []string, input []byte) ([]byte, error) {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = append(os.Environ(), env...)
	cmd.WaitDelay = 5 * time.Second // if it leaves children behind that hold its output open
	var out, complaints bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(input), &out, &complaints
	err := cmd.Run()
	switch {
	case err == nil:
		return out.Bytes(), nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, exec.ErrNotFound):
		return nil, fmt.Errorf("cannot sign: the program %s is not installed", args[0])
	}
	return nil, fmt.Errorf("cannot sign: %s: %w%s", args[0], err, oneLine(args[0], complaints.String()))
}

// oneLine makes one line of what a program says, without the "gpg: " before each of its lines.
func oneLine(program, text string) string {
	const most = 400
	var s strings.Builder
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(strings.TrimPrefix(line, program+":")); line != "" && s.Len() < most {
			s.WriteString(": " + line)
		}
	}
	return s.String()
}
