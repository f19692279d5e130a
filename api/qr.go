package api

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"
	"rsc.io/qr"

	"github.com/cupcakery/cupcakery/kitchen"
)

// qrRoute is the address of the picture that opens an order's page on another
// device. Its own address gives away no more than the order's does.
const qrRoute = "/orders/:id/qr.svg"

// showQR draws the address of an order's page as the browser has it.
func (s *Server) showQR(c *gin.Context) {
	id := c.Param("id")
	if kitchen.CheckOrderID(id) != nil {
		s.notFound(c)
		return
	}
	scheme := "http"
	if s.isHTTPS(c) {
		scheme = "https"
	}
	code, err := qr.Encode(scheme+"://"+c.Request.Host+"/orders/"+id, qr.M)
	if err != nil { // only if the host's name is some kilobytes long
		s.notFound(c)
		return
	}
	c.Data(http.StatusOK, "image/svg+xml", drawQR(code))
}

// quietZone is the white edge, in modules, without which cameras find no code.
const quietZone = 4

// drawQR draws a code as one path: black on white in both themes, as cameras want it.
func drawQR(code *qr.Code) []byte {
	var path strings.Builder
	for y := range code.Size {
		for x := range code.Size {
			if code.Black(x, y) {
				fmt.Fprintf(&path, "M%d %dh1v1h-1z", x+quietZone, y+quietZone)
			}
		}
	}
	size := code.Size + 2*quietZone
	return fmt.Appendf(nil, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %[1]d %[1]d" shape-rendering="crispEdges"><path fill="#fff" d="M0 0h%[1]dv%[1]dH0z"/><path d="%[2]s"/></svg>`, size, path.String())
}
