package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/cupcakery/cupcakery/kitchen"
)

var (
	demoFirstNames = []string{"Ada", "Benedikt", "Chidi", "Dilara", "Emeka", "Fatima", "Grace", "Hana", "Íñigo", "Jürgen", "Kwame", "Łucja", "Nguyễn", "Øyvind", "Siobhán", "Žofie"}
	demoLastNames  = []string{"Lovelace", "Müller", "Okafor", "Yılmaz", "O'Brien", "Sørensen", "García Márquez", "Kowalczyk", "van Dijk", "Nakamura", "Ferreira", "Abebe"}
	// Names that are written otherwise, or in one word.
	demoWholeNames = []string{"王小美", "田中 花子", "김민준", "Ольга Петрова", "نور حداد", "דוד לוי", "Ελένη Παπαδάκη", "अनन्या शर्मा", "สมชาย ใจดี", "ნინო ბერიძე", "Զարուհի", "Björk"}

	demoMessages = []string{"Happy 40th", "Thank you!", "Get well soon 🌷", "Congratulations 🎉", "誕生日おめでとう", "مبروك", "Alles Gute", "Welcome home", "С днём рождения", "Bon voyage", "¡Felicidades!", "I ♥ cupcakes"}
	demoNotes    = []string{
		"Please write clearly, it is for my grandmother.", "Not too sweet if you can.", "Two boxes, please: one is for the neighbours.",
		"For a picnic: pack it tight.", "Ring me if lemon is out.", "The pink icing, like last time.", "Gift wrap, and no receipt in the box.",
		"It is a surprise: call me, not my husband.",
	}
	demoAllergies     = []string{"nuts", "peanuts", "egg", "milk", "sesame", "soya", "kiwi"}
	demoCancelReasons = []string{"The party is off.", "I have ordered twice.", "We are all ill.", ""}
)

// inventOrder makes up an order from what is on the menu.
func inventOrder(chance *rand.Rand, k *kitchen.Kitchen) kitchen.Order {
	limits := k.Limits
	order := kitchen.Order{Customer: kitchen.Customer{Name: inventName(chance, limits)}}
	most := 12
	if chance.IntN(10) == 0 {
		most = 48 // an office party
	}
	for range 1 + chance.IntN(min(3, limits.Lines)) {
		line := kitchen.Line{
			Flavour:  pick(chance, k.Menu.Flavours).Code,
			Size:     pick(chance, k.Menu.Sizes).Code,
			Quantity: 1 + chance.IntN(min(most, limits.Quantity)),
		}
		if message := pick(chance, demoMessages); chance.IntN(3) == 0 && limits.CheckMessage(message) == nil {
			line.Message = message
		}
		order.Lines = append(order.Lines, line)
	}
	if notes := pick(chance, demoNotes); chance.IntN(4) == 0 && limits.CheckNotes(notes) == nil {
		order.Notes = notes
	}
	if chance.IntN(6) == 0 && limits.Allergies > 0 {
		order.Allergies = []string{pick(chance, demoAllergies)}
	}
	if len(k.CheckOrder(order)) > 0 { // this kitchen takes less
		order.Notes, order.Allergies = "", nil
	}
	return order
}

func inventName(chance *rand.Rand, limits kitchen.Limits) string {
	name := pick(chance, demoWholeNames)
	if chance.IntN(3) > 0 {
		name = pick(chance, demoFirstNames) + " " + pick(chance, demoLastNames)
	}
	if limits.CheckName(name) != nil {
		return "Bo"
	}
	return name
}

func linesOf(order kitchen.Order) string {
	var lines []string
	for _, line := range order.Lines {
		lines = append(lines, fmt.Sprintf("%d %s %s", line.Quantity, line.Flavour, line.Size))
	}
	return strings.Join(lines, ", ")
}

func pickupOf(order kitchen.Order) string {
	if order.PickupAt.IsZero() {
		return ""
	}
	return ", to be fetched at " + order.PickupAt.Local().Format(time.TimeOnly)
}
