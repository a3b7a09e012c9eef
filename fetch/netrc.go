package fetch

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// NetrcPath returns where the user keeps passwords by host: $NETRC, or .netrc in the home directory if it is there, else "".
func NetrcPath(getenv func(string) string) string {
	if path := getenv("NETRC"); path != "" {
		return path
	}
	if home := getenv("HOME"); home != "" {
		path := filepath.Join(home, ".netrc")
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	return ""
}

// netrc is what such a file says, by host; "" is every other host.
type netrc map[string]netrcUser

type netrcUser struct{ login, password string }

func (n netrc) find(host string) (netrcUser, bool) {
	if u, ok := n[strings.ToLower(host)]; ok {
		return u, true
	}
	u, ok := n[""]
	return u, ok
}

func readNetrc(path string) (netrc, error) {
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read passwords: %w", err)
	}
	n, err := parseNetrc(string(text))
	if err != nil {
		return nil, fmt.Errorf("cannot read passwords: %s: %w", path, err)
	}
	return n, nil
}

// parseNetrc reads the words of a netrc file: machine HOST or default, then login, password and account with a value each.
// The first entry of a host counts. A # where a keyword could stand begins a comment; macros are stepped over.
func parseNetrc(text string) (netrc, error) {
	n := netrc{}
	host, user, begun := "", netrcUser{}, false
	end := func() {
		if _, known := n[host]; begun && !known {
			n[host] = user
		}
		host, user, begun = "", netrcUser{}, true
	}
	for {
		var keyword string
		if keyword, text = netrcWord(text); keyword == "" {
			end()
			return n, nil
		}
		if keyword[0] == '#' {
			_, text, _ = strings.Cut(text, "\n")
			continue
		}
		var value string
		switch keyword {
		case "machine", "login", "password", "account":
			if value, text = netrcWord(text); value == "" {
				return nil, fmt.Errorf("a value is missing after %s", keyword)
			}
		}
		switch keyword {
		case "machine":
			end()
			host = strings.ToLower(value)
		case "default":
			end()
		case "login":
			user.login = value
		case "password":
			user.password = value
		case "macdef":
			_, text, _ = strings.Cut(text, "\n\n")
		}
	}
}

// netrcWord returns the first word of text, which may stand in double quotes, and what follows it.
func netrcWord(text string) (word, rest string) {
	text = strings.TrimLeft(text, " \t\r\n")
	if quoted, ok := strings.CutPrefix(text, `"`); ok {
		var b strings.Builder
		for i := 0; i < len(quoted); i++ {
			switch c := quoted[i]; {
			case c == '"':
				return b.String(), quoted[i+1:]
			case c == '\\' && i+1 < len(quoted):
				i++
				fallthrough
			default:
				b.WriteByte(quoted[i])
			}
		}
		return b.String(), ""
	}
	if i := strings.IndexAny(text, " \t\r\n"); i >= 0 {
		return text[:i], text[i:]
	}
	return text, ""
}
