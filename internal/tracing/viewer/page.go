package viewer

import (
	_ "embed"
	"html/template"
	"net/http"
	"slices"
	"time"
)

//go:embed page.html
var pageText string

var page = template.Must(template.New("traces").Parse(pageText))

// shownStory and shownLine are what the page's template shows.
type shownStory struct {
	Title, Code, Took, At string
	Failed                bool
	Lines                 []shownLine
}

type shownLine struct {
	Name, Service, Took string
	Depth               int
	Linked, Failed      bool
	Left, Width         float64 // of the story's time, in percent
	Attributes          []attribute
}

func (v *Viewer) show(w http.ResponseWriter, _ *http.Request) {
	var shown []shownStory
	for _, s := range v.stories() {
		shown = append(shown, show(s))
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	_ = page.Execute(w, shown) // whoever asked has gone
}

func show(s story) shownStory {
	whole := max(s.last.Sub(s.first), 1)
	percent := func(d time.Duration) float64 { return 100 * float64(d) / float64(whole) }
	shown := shownStory{Title: s.lines[0].name, Code: s.code(), Took: round(s.last.Sub(s.first)), At: s.first.Format(time.TimeOnly)}
	for _, l := range s.lines {
		about := slices.Clip(l.attributes)
		for _, e := range l.events {
			about = append(about, attribute{e.name, "after " + round(e.at.Sub(l.start))})
		}
		shown.Failed = shown.Failed || l.failed
		shown.Lines = append(shown.Lines, shownLine{
			Name: l.name, Service: l.service, Took: round(l.end.Sub(l.start)), Depth: l.depth, Linked: l.linked, Failed: l.failed,
			Left: percent(l.start.Sub(s.first)), Width: percent(l.end.Sub(l.start)), Attributes: about,
		})
	}
	return shown
}

// round leaves three digits of a duration or so.
func round(d time.Duration) string {
	for unit := time.Microsecond; unit < time.Hour; unit *= 10 {
		if d < 1000*unit {
			return d.Round(unit).String()
		}
	}
	return d.Round(time.Second).String()
}
