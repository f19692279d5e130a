import { staff } from "./factory";
import { atOnce, expect, group, justDone, test, ticket } from "./test";

test("two people start one ticket: one gets it, the other sees who", async ({ desk, factory }) => {
  const { pickupCode } = await factory.place();
  const [mia, max] = [await desk.open("/stations/mix", staff.mix), await desk.open("/stations/mix", staff.manager)];
  const startOf = (page: typeof mia) => ticket(page, pickupCode).getByRole("button", { name: "Start" });
  await expect(startOf(mia)).toBeVisible();
  await expect(startOf(max)).toBeVisible();
  // Both start it before either is answered.
  const codes = await atOnce([mia, max], /\/acks$/, (page) => startOf(page).click());
  expect(codes.toSorted()).toEqual([200, 409]);
  const [winner, loser, name] = codes[0] === 200 ? [mia, max, "mia"] : [max, mia, "max"];
  await expect(loser.getByText(`${name} has the ticket in hand.`), "it is told for some seconds only").toBeVisible();
  await expect(group(winner, "Mine").getByRole("article", { name: `Ticket ${pickupCode}` })).toBeVisible();
  await expect(ticket(loser, pickupCode)).toContainText(`In hand: ${name}`);
});

test("one person on two tablets sees and does the same", async ({ desk, factory }) => {
  const { id, pickupCode } = await factory.place();
  const [left, right] = [await desk.open("/stations/mix", staff.mix), await desk.open("/stations/mix", staff.mix)];
  await ticket(left, pickupCode).getByRole("button", { name: "Start" }).click();
  await expect(group(right, "Mine").getByRole("article", { name: `Ticket ${pickupCode}` })).toBeVisible();
  await ticket(right, pickupCode).getByRole("button", { name: "Done" }).click();
  await expect((await justDone(left)).getByRole("article", { name: `Ticket ${pickupCode}` })).toBeVisible();
  await factory.untilWaitingFor(id, "bake");
});

test("a tablet that went to sleep knows everything when it wakes", async ({ desk, factory }) => {
  const mixer = await desk.open("/stations/mix", staff.mix);
  await expect(mixer.getByText("Live")).toBeVisible();
  await mixer.context().setOffline(true);
  const { pickupCode } = await factory.place();
  await mixer.context().setOffline(false);
  await expect(ticket(mixer, pickupCode)).toBeVisible();
});

test("each person lands where they work, and nowhere else", async ({ desk }) => {
  const page = await desk.open("/dashboard");
  await expect(page).toHaveURL(/sign-in\?to=%2Fdashboard$/);
  await expect(page.getByText("This factory is for trying things out.")).toBeVisible();
  await page.getByLabel("Name").fill("bob");
  await page.getByLabel("PIN", { exact: true }).fill("000000");
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await expect(page.getByRole("alert")).toContainText("Nobody has this name and this PIN");
  await page.getByLabel("PIN", { exact: true }).fill("222222");
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await expect(page).toHaveURL(/\/dashboard$/);
  await page.goto("/attention");
  await expect(page).toHaveURL(/stations\/bake$/);
  await page.goto("/stations/decorate");
  await expect(page).toHaveURL(/stations\/bake$/);
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(page).toHaveURL(/sign-in$/);
  await page.goto("/stations/bake");
  await expect(page).toHaveURL(/sign-in\?/);
});

test("a cookie that is forged or expired leads to the sign-in", async ({ desk, factory }) => {
  const good = (await factory.cookieOf(staff.manager)).split("=")[1] ?? "";
  const [payload = "", signature = ""] = good.split(".");
  const old = Buffer.from(JSON.stringify({ name: "max", expires: 1 })).toString("base64url");
  for (const value of ["nonsense", `${payload}.`, `${payload}.${signature.slice(1)}A`, `${old}.${signature}`]) {
    const page = await desk.open("/");
    await page.context().addCookies([{ name: "cupcakery_session", value, url: factory.url }]);
    await page.goto("/attention");
    await expect(page).toHaveURL(/sign-in\?to=%2Fattention$/);
    expect((await page.request.get("/api/v1/orders")).status()).toBe(401);
  }
});
