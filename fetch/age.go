package fetch

import (
	"fmt"
	"net/mail"
	"strings"
	"time"

	"github.com/seed-43fb3962/sstream/streams"
)

// Updated returns when a document says that it was changed, the field updated of a document or an index entry.
func Updated(a *streams.Attrs) (time.Time, error) {
	text := a.Str("updated")
	if text == "" {
		return time.Time{}, fmt.Errorf("it does not say when it was updated")
	}
	return ParseTime(text)
}

// The forms of ISO 8601 that streams use; without a zone it is UTC.
var isoForms = [...]string{"2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05", "2006-01-02T15:04Z07:00", "2006-01-02"}

// ParseTime reads a date as streams write it: RFC 2822, "Tue, 01 Sep 2026 12:00:00 +0000", or ISO 8601.
func ParseTime(text string) (time.Time, error) {
	text = strings.TrimSpace(text)
	if t, err := mail.ParseDate(text); err == nil {
		return t.UTC(), nil
	}
	iso := text
	if len(iso) > 10 && iso[10] == ' ' {
		iso = iso[:10] + "T" + strings.Replace(iso[11:], " ", "", 1)
	}
	for _, form := range isoForms {
		if t, err := time.Parse(form, iso); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("cannot read the date %q: it should be like \"Tue, 01 Sep 2026 12:00:00 +0000\" or 2026-09-01T12:00:00Z", text)
}

// CheckAge refuses a document that says that it was updated longer ago than limit, or does not say when:
// its mirror has stopped, or somebody keeps the newer ones back.
func CheckAge(a *streams.Attrs, limit time.Duration, now time.Time) error {
	updated, err := Updated(a)
	if err != nil {
		return fmt.Errorf("its age cannot be told: %w", err)
	}
	if age := now.Sub(updated); age > limit {
		return fmt.Errorf("it was last updated %s ago (%s), which is more than the %s that are allowed: the mirror has stopped, or somebody keeps newer documents back",
			span(age), updated.Format(time.RFC3339), span(limit))
	}
	return nil
}

// span writes a duration in the largest unit that fits.
func span(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%.0f days", d.Hours()/24)
	case d >= 2*time.Hour:
		return fmt.Sprintf("%.0f hours", d.Hours())
	}
	return d.Round(time.Second).String()
}
