package dependencies

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLicencesAreToldByTheirWords(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		texts []string
		want  []string
	}{
		"MIT":               {[]string{"MIT License\n\nPermission is hereby granted,\nfree of charge, to any person obtaining a copy"}, []string{"MIT"}},
		"Apache":            {[]string{"Apache License\n   Version 2.0, January 2004"}, []string{"Apache-2.0"}},
		"BSD2":              {[]string{"Redistribution and use in source and binary forms"}, []string{"BSD-2-Clause"}},
		"BSD3":              {[]string{"Redistribution and use in source and binary forms ... * Neither the name of Google"}, []string{"BSD-3-Clause"}},
		"MPLNamesTheGPL":    {[]string{"Mozilla Public License Version 2.0 ... GNU General Public License, Version 2.0"}, []string{"MPL-2.0"}},
		"GPL":               {[]string{"GNU GENERAL PUBLIC LICENSE\nVersion 3, 29 June 2007"}, []string{"GPL"}},
		"OneOfEach":         {[]string{"Permission is hereby granted, free of charge, to any person obtaining a copy", "GNU LESSER GENERAL PUBLIC LICENSE"}, []string{"LGPL", "MIT"}},
		"ANoticeAlone":      {[]string{"Copyright 2026 somebody"}, nil},
		"NothingThatIsThis": {[]string{"You may look at it, and not touch it."}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, classify(c.texts))
		})
	}
}

func TestOnlyWhatIsOnTheListIsAllowed(t *testing.T) {
	t.Parallel()
	for licence, permitted := range map[string]bool{
		"MIT": true, "(MIT OR GPL-3.0)": true, "MIT AND ISC": true, "GPL-3.0": false, "MIT AND GPL-3.0": false, "CC0-1.0": false, "": false, "SSPL-1.0": false,
	} {
		require.Equal(t, permitted, Check(Component{Licences: []string{licence}}, false) == nil, licence)
	}
	require.NoError(t, Check(Component{Licences: []string{"CC0-1.0"}}, true))
	require.Error(t, Check(Component{Licences: []string{"MIT", "GPL"}}, true), "each of several holds")
	require.Error(t, Check(Component{}, true))
}
