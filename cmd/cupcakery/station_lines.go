package main

import (
	"bufio"
	"context"
	"errors"
	"io"
)

const (
	// maxLine is the longest command that is read.
	maxLine = 4 << 10
	// overlong stands for a line that was longer.
	overlong = "\x00"
)

// readLines reads lines until the stream or ctx ends. A stream cannot be told
// to stop: a line that is read after ctx has ended is dropped.
func readLines(ctx context.Context, in io.Reader) <-chan string {
	lines := make(chan string)
	go func() {
		defer close(lines)
		reader := bufio.NewReaderSize(in, maxLine)
		for {
			line, tooLong, err := readLine(reader)
			if tooLong {
				line = overlong
			}
			if line != "" || err == nil {
				select {
				case lines <- line:
				case <-ctx.Done():
					return
				}
			}
			if err != nil {
				return
			}
		}
	}()
	return lines
}

// readLine reads one line, of which it drops what is too long.
func readLine(reader *bufio.Reader) (line string, tooLong bool, err error) {
	for {
		part, err := reader.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			tooLong = true
			continue
		}
		return string(part), tooLong, err
	}
}
