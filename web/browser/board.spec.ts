import { staff } from "./factory";
import { showBoardOf300 } from "./many";
import { expect, group, test, ticket } from "./test";

// A factory of its own: it counts how many tickets fit a screen, and those of other tests are of other heights.
test.use({ kitchen: ["# board\nremakes: {max: 1}\n", { scope: "worker" }] });

test("a message about what was done closes by itself, and never covers a ticket", async ({ desk, factory }) => {
  const mixer = await desk.open("/stations/mix", staff.mix, { viewport: { width: 360, height: 740 } });
  const { pickupCode } = await factory.place({ allergies: ["nuts", "sesame"] });
  await ticket(mixer, pickupCode).getByRole("button", { name: "Start" }).click();
  const toast = mixer.getByRole("button", { name: `${pickupCode} is yours.` });
  await expect(toast).toBeVisible();
  const [box, masthead] = [await toast.boundingBox(), await mixer.getByRole("banner").boundingBox()];
  if (!box || !masthead) throw new Error("The message or the masthead is not shown.");
  expect(box.y).toBeGreaterThanOrEqual(masthead.y);
  expect(box.y + box.height, "it ends where the masthead does").toBeLessThanOrEqual(masthead.y + masthead.height);
  await expect(toast, "it closes while ages go on").toBeHidden();
});

test("a tablet shows eight tickets beside the one in hand, with what to press, and a phone the first of them", async ({ desk, factory }) => {
  const orders = [];
  for (let i = 0; i < 9; i++) {
    orders.push(await factory.place({
      lines: [{ flavour: "red-velvet", size: "L", quantity: 12, message: "Happy 40th" }, { flavour: "lemon", size: "M", quantity: 6 }],
      ...(i % 2 === 0 && { allergies: ["nuts"], notes: "ring the bell" }),
    }));
  }
  for (const { id } of orders) await factory.work(id, "mix");
  for (const { id } of orders) await factory.untilWaitingFor(id, "bake");
  const tablet = await desk.open("/stations/bake", staff.bake, { viewport: { width: 1180, height: 820 } });
  await group(tablet, "Waiting").getByRole("article").first().getByRole("button", { name: "Start" }).click();
  await expect(group(tablet, "Mine").getByRole("article").getByRole("button", { name: "Done" })).toBeInViewport({ ratio: 1 });
  const starts = group(tablet, "Waiting").getByRole("article").getByRole("button", { name: "Start" });
  await expect(starts).not.toHaveCount(0);
  for (let i = 0; i < 8; i++) {
    await expect(starts.nth(i)).toBeInViewport({ ratio: 1 });
    const covers = await starts.nth(i).evaluate((button) => {
      const { left, top, width, height } = button.getBoundingClientRect();
      return button.contains(document.elementFromPoint(left + width / 2, top + height - 2));
    });
    expect(covers, `nothing lies over the ticket in place ${i + 1}`).toBe(true);
  }
  const phone = await desk.open("/stations/bake", staff.bake, { viewport: { width: 390, height: 844 } });
  await expect(phone.getByRole("article").getByRole("button", { name: "Done" })).toBeInViewport({ ratio: 1 });
  await expect(phone.getByRole("article").getByRole("button", { name: "Start" }).first()).toBeInViewport({ ratio: 1 });
});

test("on a board with 300 tickets only the ages in sight change, and all tickets are there", async ({ desk }) => {
  const baker = await desk.open("/sign-in", staff.bake);
  await showBoardOf300(baker);
  await baker.goto("/stations/bake");
  await expect(ticket(baker, "K000")).toBeVisible();
  await expect(baker.getByRole("article")).toHaveCount(300);
  const changes = await baker.evaluate(() => new Promise<{ readonly ages: number; readonly others: readonly string[] }>((done) => {
    const [ages, others] = [new Set<Node>(), new Set<string>()];
    let seconds = 0;
    const observer = new MutationObserver((records) => {
      for (const { target } of records) {
        const element = target instanceof Element ? target : target.parentElement;
        if (element?.closest("[role=timer]")) ages.add(element);
        else others.add(element?.outerHTML.slice(0, 200) ?? "");
      }
      if (++seconds < 3) return;
      observer.disconnect();
      done({ ages: ages.size, others: [...others] });
    });
    observer.observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true });
  }));
  expect(changes.others).toEqual([]);
  expect(changes.ages).toBeGreaterThan(0);
  expect(changes.ages, "nobody sees the others").toBeLessThan(150);
  // One far down works like any other.
  await ticket(baker, "K299").getByRole("button", { name: "Start" }).focus();
  await expect(ticket(baker, "K299").getByText("Allergy: nuts")).toBeInViewport();
  await expect(ticket(baker, "K299").getByRole("timer"), "its age has gone on").toHaveText(/^(?!1:0[12]$)\d+:\d\d$/);
});
