package api

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"
	commonpb "go.temporal.io/api/common/v1"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/cupcakery/cupcakery/encryption"
	"github.com/cupcakery/cupcakery/wire"
)

// This file implements what Temporal's UI and CLI call a codec server: POST …/decode
// and …/encode with a JSON object of payloads, answered with as many in the same
// order. The UI is another origin, so browsers ask with OPTIONS first; it sends
// X-Namespace, and the cookie of staff if "include cross-origin credentials" is on.
// The CLI sends Authorization, by --codec-auth or TEMPORAL_CODEC_AUTH.

const (
	codecPath = "/codec/"
	// maxCodecBody is more than Temporal lets a page of history have.
	maxCodecBody = 8 << 20
)

// CheckOrigin checks an origin as browsers write it.
func CheckOrigin(origin string) error {
	parsed, err := url.Parse(origin)
	if err != nil || parsed.Scheme != "http" && parsed.Scheme != "https" || parsed.Host == "" || origin != parsed.Scheme+"://"+parsed.Host {
		return errors.New("write the origin as browsers do, such as https://temporal.example.com, with its port if it has one and no path")
	}
	return nil
}

// routeCodec serves the codec if anything is encrypted here.
func (s *Server) routeCodec(engine *gin.Engine) {
	if !s.follower.codec.Encrypts() {
		return
	}
	codec := s.follower.codec
	engine.POST(codecPath+"decode", func(c *gin.Context) { s.recode(c, "decode", codec.Decode) })
	engine.POST(codecPath+"encode", func(c *gin.Context) { s.recode(c, "encode", codec.Encode) })
	engine.OPTIONS(codecPath+"decode", s.allowTemporalUI)
	engine.OPTIONS(codecPath+"encode", s.allowTemporalUI)
}

// isTemporalUI reports whether a request comes from a page of Temporal's UI, which
// may use the codec and nothing else.
func (s *Server) isTemporalUI(c *gin.Context) bool {
	return strings.HasPrefix(c.FullPath(), codecPath) && s.temporalUI != "" && c.GetHeader("Origin") == s.temporalUI
}

// shareWithTemporalUI lets the pages of Temporal's UI read an answer.
func (s *Server) shareWithTemporalUI(c *gin.Context) {
	if !strings.HasPrefix(c.FullPath(), codecPath) {
		return
	}
	c.Header("Vary", "Origin")
	if s.isTemporalUI(c) {
		c.Header("Access-Control-Allow-Origin", s.temporalUI)
		c.Header("Access-Control-Allow-Credentials", "true")
		c.Header("Cross-Origin-Resource-Policy", "cross-origin")
	}
}

// allowTemporalUI answers a browser that asks what a page of another origin may do.
func (s *Server) allowTemporalUI(c *gin.Context) {
	if s.isTemporalUI(c) {
		c.Header("Access-Control-Allow-Methods", http.MethodPost)
		c.Header("Access-Control-Allow-Headers", "Authorization, Content-Type, X-Namespace")
		c.Header("Access-Control-Max-Age", "600")
	}
	c.Status(http.StatusNoContent)
	c.Writer.WriteHeaderNow()
}

// recode answers with payloads in their other form.
func (s *Server) recode(c *gin.Context, what string, change func([]*commonpb.Payload) ([]*commonpb.Payload, error)) {
	answer, err := recoded(c.Request, change)
	if err != nil {
		s.fail(c, err)
		return
	}
	manager, _ := sessionOf(c)
	s.logger.LogAttrs(context.WithoutCancel(c.Request.Context()), slog.LevelInfo, "a manager has used the codec",
		slog.String("what", what), slog.String("name", manager.Name), slog.String("request_id", requestID(c)))
	c.Data(http.StatusOK, "application/json", answer)
}

func recoded(request *http.Request, change func([]*commonpb.Payload) ([]*commonpb.Payload, error)) ([]byte, error) {
	data, err := io.ReadAll(http.MaxBytesReader(nil, request.Body, maxCodecBody))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return nil, &problemError{Type: wire.ProblemBodyTooLarge, Detail: "The body has more than 8 MiB: send fewer payloads at once."}
	}
	if err != nil {
		return nil, &problemError{Type: wire.ProblemMalformedBody, Detail: "The body was cut off: send all of it.", Cause: err}
	}
	var payloads commonpb.Payloads
	if err := protojson.Unmarshal(data, &payloads); err != nil {
		return nil, &problemError{Type: wire.ProblemMalformedBody, Cause: err, Detail: "The body is no object of payloads, as Temporal's UI and CLI send it."}
	}
	changed, err := change(payloads.GetPayloads())
	if encryption.IsMissingKey(err) {
		return nil, err
	}
	if err != nil {
		return nil, &problemError{Type: wire.ProblemRefused, Cause: err, Detail: "A payload cannot be read: it was changed after it was encrypted, or others have encrypted it."}
	}
	return protojson.Marshal(&commonpb.Payloads{Payloads: changed})
}

// codecToken is the token of a session as Temporal's CLI sends it.
func codecToken(c *gin.Context) string {
	if !strings.HasPrefix(c.FullPath(), codecPath) {
		return ""
	}
	token, _ := strings.CutPrefix(c.GetHeader("Authorization"), "Bearer ")
	return token
}
