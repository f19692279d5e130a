package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/cupcakery/cupcakery/api/client"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

func newMenuCommand() *cobra.Command {
	var settings orderSettings
	cmd := &cobra.Command{
		Use:   "menu",
		Short: "Show what can be ordered, and what it costs",
		Long: `Show what can be ordered: the flavours with their allergens, what is sold out, the
sizes, and what it all costs. An order's total is paid at pickup.`,
		Args: exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return staffReport[wire.Menu]{
				ask: func(ctx context.Context, apiClient *client.ClientWithResponses) (*wire.Menu, answered, error) {
					answer, err := apiClient.GetMenuWithResponse(ctx)
					if err != nil {
						return nil, answered{}, err
					}
					return answer.JSON200, answered{status: answer.StatusCode(), body: answer.Body}, nil
				},
				write: func(w io.Writer, menu *wire.Menu) error {
					_, err := io.WriteString(coloured(w), strings.Join(menuLines(*menu, time.Now()), "\n")+"\n")
					return err
				},
			}.show(cmd, &settings)
		},
	}
	settings.register(cmd)
	return cmd
}

// menuLines are the menu for people.
func menuLines(menu wire.Menu, now time.Time) []string {
	zone := zoneOf(menu)
	price := func(amount int64) string {
		return safeText(kitchen.Money{Amount: amount, Currency: menu.Prices.Currency, Decimals: menu.Prices.Decimals}.String())
	}
	sizes := [][]string{{"SIZE", "", "WEIGHT", "PRICE"}}
	for _, size := range menu.Sizes {
		row := []string{string(size.Code), safeText(size.Label), "-", "-"}
		if size.Grams > 0 {
			row[2] = fmt.Sprintf("%d g", size.Grams)
		}
		if menu.Prices != nil {
			row[3] = price(menu.Prices.Sizes[size.Code])
		}
		sizes = append(sizes, row)
	}
	flavours := [][]string{{"FLAVOUR", "", "MORE A PIECE", "CONTAINS", ""}}
	for _, flavour := range menu.Flavours {
		row := []string{safeText(flavour.Code), safeText(flavour.Name), "-", orDash(safeText(strings.Join(flavour.Allergens, ", "))), ""}
		if menu.Prices != nil && menu.Prices.Surcharges[flavour.Code] > 0 {
			row[2] = price(menu.Prices.Surcharges[flavour.Code])
		}
		for _, soldOut := range menu.SoldOut {
			if soldOut.Flavour == flavour.Code {
				row[4] = lookLate.Styled(soldOutWords(soldOut, zone, now))
			}
		}
		flavours = append(flavours, row)
	}
	lines := alignColumns(flavours, 2, 2)
	lines[0] = faint.Styled(lines[0])
	first := len(lines) + 1
	lines = append(append(lines, ""), alignColumns(sizes, 2, 3)...)
	lines[first] = faint.Styled(lines[first])
	if menu.Prices != nil {
		lines = append(lines, "", "A message piped onto a cupcake costs "+price(menu.Prices.Message)+" a piece.")
	}
	return lines
}

func soldOutWords(soldOut wire.SoldOutFlavour, zone *time.Location, now time.Time) string {
	if soldOut.Until.IsZero() {
		return "SOLD OUT"
	}
	return "SOLD OUT until " + shortDueClock(soldOut.Until.In(zone), now)
}
