package kitchen

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// listLength is how many of the known values an error lists.
const listLength = 20

// unknown is the error for a value that is none of the known ones. It suggests
// the nearest and lists them.
func unknown[T ~string](what, value string, values []T, listed string) error {
	known := make([]string, len(values))
	for i, value := range values {
		known[i] = string(value)
	}
	list := strings.Join(known[:min(len(known), listLength)], ", ")
	if more := len(known) - listLength; more > 0 {
		list += fmt.Sprintf(" and %d more", more)
	}
	if value == "" {
		return fmt.Errorf("missing: %s %s", listed, list)
	}
	if nearest := Nearest(value, known); nearest != "" {
		return fmt.Errorf("unknown %s %q: did you mean %q? %s%s %s", what, Excerpt(value), nearest, strings.ToUpper(listed[:1]), listed[1:], list)
	}
	return fmt.Errorf("unknown %s %q: %s %s", what, Excerpt(value), listed, list)
}

// Nearest is the known value that value was probably meant to be, or "": at
// most every third character is mistyped.
func Nearest(value string, known []string) string {
	value = strings.NewReplacer(" ", "-", "_", "-").Replace(strings.ToLower(strings.TrimSpace(Excerpt(value))))
	best, bestDistance := "", 1+utf8.RuneCountInString(value)/3
	for _, candidate := range known {
		if d := distance(value, strings.ToLower(candidate)); d < bestDistance {
			best, bestDistance = candidate, d
		}
	}
	return best
}

// distance is the number of characters to insert, delete, replace or swap with the
// next one to get from a to b (optimal string alignment).
func distance(a, b string) int {
	from, to := []rune(a), []rune(b)
	// before and last are the rows of the two characters before.
	var before, last []int
	row := make([]int, len(to)+1)
	for j := range row {
		row[j] = j
	}
	for i, r := range from {
		before, last, row = last, row, make([]int, len(to)+1)
		row[0] = i + 1
		for j, s := range to {
			cost := 0
			if r != s {
				cost = 1
			}
			row[j+1] = min(last[j]+cost, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && r == to[j-1] && from[i-1] == s {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
	}
	return row[len(to)]
}
