package main

import (
	"github.com/cupcakery/cupcakery/kitchen"
)

// pricedLineWords is a line of an order with the price of a piece, if it has one.
func pricedLineWords(status kitchen.Status, i int) string {
	words := lineWords(status.Lines[i])
	if status.Total != nil && i < len(status.UnitPrices) {
		price := *status.Total
		price.Amount = status.UnitPrices[i]
		words += ", " + price.String() + " each"
	}
	return words
}

// totalWords is what an order costs, for people; empty if it has no price.
func totalWords(status kitchen.Status) string {
	switch {
	case status.Total == nil:
		return ""
	case status.State == kitchen.StateCancelling, status.State == kitchen.StateCancelled:
		return status.Total.String() + ", nothing to pay"
	}
	return status.Total.String() + ", paid at pickup"
}
