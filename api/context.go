package api

import (
	"context"
	"fmt"

	"github.com/gin-gonic/gin"
)

// requestContext returns the context of the request itself. A handler gets
// gin's, which gin uses for another request as soon as this one is answered:
// work that may go on after the answer must not hold it.
func requestContext(ctx context.Context) context.Context {
	if c, is := ctx.(*gin.Context); is {
		return c.Request.Context()
	}
	return ctx
}

// ginContext is the context that the generated code hands to handlers.
func ginContext(ctx context.Context) (*gin.Context, error) {
	c, is := ctx.(*gin.Context)
	if !is {
		return nil, fmt.Errorf("a handler was called with %T instead of gin's context", ctx)
	}
	return c, nil
}
