package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// maxPINLine is the most that is read from standard input for a PIN.
const maxPINLine = 1 << 10

// readNewPIN reads a PIN to be hashed: twice from a terminal, else a line.
func readNewPIN(cmd *cobra.Command) (string, error) {
	terminal := terminalOf(cmd.InOrStdin())
	if terminal == nil {
		line, err := bufio.NewReader(io.LimitReader(cmd.InOrStdin(), maxPINLine)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", fmt.Errorf("read the PIN from standard input: %w", err)
		}
		return strings.TrimRight(line, "\r\n"), nil
	}
	pin, err := promptPIN(cmd, terminal, "PIN: ")
	if err != nil {
		return "", err
	}
	again, err := promptPIN(cmd, terminal, "Once more: ")
	if err != nil {
		return "", err
	}
	if pin != again {
		return "", &exitError{exitRefused, errors.New("the two PINs differ: run it again")}
	}
	return pin, nil
}

// promptPIN asks on standard error, so that standard output has the result
// only, and reads without echo.
func promptPIN(cmd *cobra.Command, terminal *os.File, prompt string) (string, error) {
	cmd.PrintErr(prompt)
	pin, err := term.ReadPassword(int(terminal.Fd()))
	cmd.PrintErrln()
	if err != nil {
		return "", fmt.Errorf("read the PIN from the terminal: %w", err)
	}
	return string(pin), nil
}

// terminalOf is r if it is a terminal.
func terminalOf(r io.Reader) *os.File {
	file, is := r.(*os.File)
	if !is || !term.IsTerminal(int(file.Fd())) {
		return nil
	}
	return file
}
