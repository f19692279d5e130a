package api

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

const (
	// maxBody is how much of a request's body is read.
	maxBody = 64 << 10
	// maxDrain is how much of a body that is too large is thrown away, so that
	// the client has sent it and reads the answer instead of a broken pipe.
	maxDrain = 16 << 20
)

// checkContentType accepts JSON in UTF-8 that is not compressed.
func checkContentType(header http.Header) error {
	unsupported := func(detail string) error {
		return &problemError{Type: wire.ProblemUnsupportedMediaType, Detail: detail}
	}
	mediaType, parameters, err := mime.ParseMediaType(header.Get("Content-Type"))
	switch {
	case header.Get("Content-Type") == "":
		return unsupported("The header Content-Type is missing: send JSON with Content-Type: application/json.")
	case err != nil || mediaType != "application/json":
		return unsupported(fmt.Sprintf("Content-Type %q is not taken here: send JSON with Content-Type: application/json.", kitchen.Excerpt(header.Get("Content-Type"))))
	case parameters["charset"] != "" && !strings.EqualFold(parameters["charset"], "utf-8"):
		return unsupported(fmt.Sprintf("charset %q is not taken here: send JSON in UTF-8.", kitchen.Excerpt(parameters["charset"])))
	case header.Get("Content-Encoding") != "" && !strings.EqualFold(header.Get("Content-Encoding"), "identity"):
		return unsupported(fmt.Sprintf("Content-Encoding %q is not taken here: send the body uncompressed.", kitchen.Excerpt(header.Get("Content-Encoding"))))
	}
	return nil
}

// readBody reads a request's body to its end or to maxBody.
func readBody(g *gin.Context) ([]byte, error) {
	body := g.Request.Body
	data, err := io.ReadAll(io.LimitReader(body, maxBody+1))
	if err == nil && len(data) > maxBody {
		_, _ = io.CopyN(io.Discard, body, maxDrain) // only courtesy to the client
		return nil, &problemError{Type: wire.ProblemBodyTooLarge, Detail: "The body has more than 64 KiB: send less."}
	}
	if err == nil {
		return data, nil
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		return nil, &problemError{Type: wire.ProblemTimeout, Detail: "The body did not arrive in time: send it at once.", Cause: err}
	}
	return nil, &problemError{Type: wire.ProblemMalformedBody, Detail: "The body was cut off: send all of it.", Cause: err}
}
