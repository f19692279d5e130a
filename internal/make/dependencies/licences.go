package dependencies

import (
	"fmt"
	"slices"
	"strings"
)

// LookedInto is the licence of what comes without a text and was looked into.
const LookedInto = "LicenseRef-looked-into"

// allowed are licences that let the program be handed on under Apache 2, with the
// texts that go along. MPL 2 is one file by file; nothing of such is changed here. OFL
// is that of fonts, which go along as they are and are not sold by themselves.
var allowed = []string{"0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MIT-0", "MPL-2.0", "OFL-1.1", LookedInto}

// allowedForTools are those of what only builds and tests the pages, besides.
var allowedForTools = []string{"BlueOak-1.0.0", "CC-BY-4.0", "CC0-1.0", "Python-2.0", "Unlicense"}

// Check returns what is wrong with a component's licences, nil if nothing. tools is
// for what is not handed on.
func Check(c Component, tools bool) error {
	permitted := allowed
	if tools {
		permitted = slices.Concat(allowed, allowedForTools)
	}
	if len(c.Licences) == 0 {
		return fmt.Errorf("%s has no licence that is known here: look into it, and add its words to internal/make/dependencies", c)
	}
	for _, licence := range c.Licences {
		if !permits(licence, permitted) {
			return fmt.Errorf("%s has the licence %q, which is not on the list in internal/make/dependencies", c, licence)
		}
	}
	return nil
}

// permits reports whether an expression of SPDX can be kept with permitted licences.
func permits(expression string, permitted []string) bool {
	expression = strings.Trim(expression, "()")
	if alternatives := strings.Split(expression, " OR "); len(alternatives) > 1 {
		return slices.ContainsFunc(alternatives, func(one string) bool { return permits(one, permitted) })
	}
	for part := range strings.SplitSeq(expression, " AND ") {
		if !slices.Contains(permitted, part) {
			return false
		}
	}
	return true
}

// words are what licences say that no other does: in their title, or in their text.
var words = []struct{ licence, head, says string }{
	{licence: "AGPL", head: "gnu affero general public license"},
	{licence: "LGPL", head: "gnu lesser general public license"},
	{licence: "LGPL", head: "gnu library general public license"},
	{licence: "GPL", head: "gnu general public license"},
	{licence: "SSPL-1.0", head: "server side public license"},
	{licence: "BUSL-1.1", head: "business source license"},
	{licence: "Elastic-2.0", head: "elastic license"},
	{licence: "EPL", head: "eclipse public license"},
	{licence: "MPL-2.0", head: "mozilla public license"},
	{licence: "Apache-2.0", says: "apache license version 2.0"},
	{licence: "Apache-2.0", says: "licensed under the apache license"},
	{licence: "MIT", says: "permission is hereby granted, free of charge, to any person obtaining a copy"},
	{licence: "ISC", says: "permission to use, copy, modify, and/or distribute this software for any purpose with or without fee"},
	{licence: "ISC", says: "permission to use, copy, modify, and distribute this software for any purpose with or without fee"},
	{licence: "BSD-3-Clause", says: "neither the name of"},
	{licence: "BSD-3-Clause", says: "names of its contributors may not be used"},
	{licence: "BSD-2-Clause", says: "redistribution and use in source and binary forms"},
	{licence: "Unlicense", says: "this is free and unencumbered software released into the public domain"},
}

// headLength is how far into a text its title may stand.
const headLength = 300

// classify finds the licences in the texts of a component. A text may be none, such
// as a notice.
func classify(texts []string) []string {
	var licences []string
	for _, text := range texts {
		text = strings.ToLower(strings.Join(strings.Fields(strings.ReplaceAll(text, "*", " ")), " "))
		if titled := byTitle(text[:min(len(text), headLength)]); titled != "" {
			licences = append(licences, titled) // which may speak of others below
			continue
		}
		for _, w := range words {
			if w.says != "" && strings.Contains(text, w.says) {
				licences = append(licences, w.licence)
			}
		}
	}
	slices.Sort(licences)
	licences = slices.Compact(licences)
	if slices.Contains(licences, "BSD-3-Clause") { // which says all that the other says
		licences = slices.DeleteFunc(licences, func(l string) bool { return l == "BSD-2-Clause" })
	}
	return licences
}

// byTitle is the licence whose title comes first in the head of a text, if any does.
func byTitle(head string) (licence string) {
	first := len(head)
	for _, w := range words {
		if at := strings.Index(head, w.head); w.head != "" && at >= 0 && at < first {
			licence, first = w.licence, at
		}
	}
	return licence
}
