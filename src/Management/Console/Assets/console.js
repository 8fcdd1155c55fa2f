// What pages gain where scripts run. Everything works without: for reading, and for every form.
// Listeners are on the document, so that pages that come by enhanced navigation need nothing of their own.

// The server draws times in the reader's zone from the next page on.
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (zone && !document.cookie.includes(`tracking-zone=${encodeURIComponent(zone)}`)) {
  const secure = location.protocol === "https:" ? "; secure" : "";
  document.cookie = `tracking-zone=${encodeURIComponent(zone)}; path=/; max-age=31536000; samesite=lax${secure}`;
}

function say(text) {
  const toast = document.getElementById("toast");
  if (!toast) return;
  toast.textContent = text;
  toast.classList.add("shown");
  clearTimeout(say.timer);
  say.timer = setTimeout(() => { toast.classList.remove("shown"); toast.textContent = ""; }, 4000);
}

// Whoever reads with the ears or the keyboard begins a new page at its heading, and a refused form at what is wrong.
let path = location.pathname;
document.addEventListener("DOMContentLoaded", () => window.Blazor?.addEventListener("enhancedload", () => {
  const wrong = document.querySelector("[aria-invalid=true]");
  const target = wrong ?? (path === location.pathname ? null : document.querySelector("h1"));
  path = location.pathname;
  if (!target) return;
  if (!wrong) target.tabIndex = -1;
  target.focus({ preventScroll: !wrong });
}));

async function copy(button) {
  const value = button.dataset.copy;
  try {
    await navigator.clipboard.writeText(value);
  } catch {
    // Only secure pages have a clipboard; an old way remains.
    const area = document.createElement("textarea");
    area.value = value;
    area.className = "unseen";
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
    button.focus();
  }
  const before = button.dataset.before ??= button.textContent;
  button.textContent = button.dataset.done;
  say(`${button.dataset.done}: ${value}`);
  setTimeout(() => { button.textContent = before; }, 2000);
}

document.addEventListener("click", event => {
  const button = event.target.closest?.("button");
  if (!button) return;
  if (button.dataset.copy !== undefined) {
    copy(button);
  } else if (button.dataset.reveal) {
    const input = document.getElementById(button.dataset.reveal);
    const hidden = input.type === "password";
    input.type = hidden ? "text" : "password";
    [button.textContent, button.dataset.other] = [button.dataset.other, button.textContent];
  }
});

// A choice in a form of filters is made by choosing.
document.addEventListener("change", event => {
  if (event.target.dataset?.submit !== undefined) event.target.form.requestSubmit();
});

// The chart: a line and the values under the pointer, or under the arrow keys.
customElements.define("chart-cursor", class extends HTMLElement {
  connectedCallback() {
    this.tabIndex = 0;
    this.setAttribute("role", "group");
    this.setAttribute("aria-label", this.dataset.label);
    if (this.at !== undefined) return;
    this.at = -1;
    this.addEventListener("pointermove", event => {
      const box = this.querySelector("svg.chart").getBoundingClientRect();
      this.show(Math.floor((event.clientX - box.left) / box.width * this.count()));
    });
    this.addEventListener("pointerleave", () => this.hide());
    this.addEventListener("blur", () => this.hide());
    this.addEventListener("keydown", event => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!step || event.altKey || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      this.show(this.at < 0 ? (step > 0 ? 0 : this.count() - 1) : this.at + step);
    });
  }

  count() { return Number(this.querySelector("svg.chart").dataset.count); }

  show(index) {
    const count = this.count();
    this.at = Math.max(0, Math.min(count - 1, index));
    const line = this.querySelector(".cursor");
    line.setAttribute("d", `M${(this.at + 0.5) * 1000 / count} 0V220`);
    line.classList.add("shown");
    const cells = [...this.closest("section").querySelectorAll("tbody tr")[this.at].cells];
    const readout = this.querySelector(".readout");
    readout.textContent = cells.map(cell => [cell.textContent.trim(), cell.dataset.label ?? ""].join(" ")).join(" · ");
    readout.classList.add("shown");
  }

  hide() {
    this.at = -1;
    this.querySelector(".cursor")?.classList.remove("shown");
    const readout = this.querySelector(".readout");
    if (readout) { readout.classList.remove("shown"); readout.textContent = ""; }
  }
});

// Live events: rows come drawn by the server. Held while somebody points at them or has the focus in them.
// A stream begins with the last minute's events, also after a break: a row that was here already is left out.
customElements.define("live-events", class extends HTMLElement {
  connectedCallback() {
    this.list = this.querySelector("ol");
    this.waiting = [];
    this.held = false;
    this.source = new EventSource(this.dataset.source);
    this.known = new Set([...this.list.children].map(row => row.dataset.id));
    this.source.addEventListener("event", event => {
      const row = document.createElement("template");
      row.innerHTML = event.data;
      const id = row.content.firstElementChild.dataset.id;
      if (this.known.has(id)) return;
      this.known.add(id);
      if (this.known.size > 2000) this.known.delete(this.known.values().next().value);
      this.waiting.push(row.content);
      this.flush();
    });
    this.source.addEventListener("end", () => { this.source.close(); this.state(this.dataset.ended); });
    this.source.addEventListener("open", () => this.state(this.dataset.running));
    this.source.addEventListener("error", () => this.state(
      this.source.readyState === EventSource.CLOSED ? this.dataset.ended : this.dataset.away));
    for (const [name, held] of [["pointerenter", true], ["pointerleave", false], ["focusin", true], ["focusout", false]]) {
      this.list.addEventListener(name, () => { this.held = held; this.flush(); });
    }
    this.heard = 0;
    this.timer = setInterval(() => this.tell(), 30000);
  }

  disconnectedCallback() {
    this.source?.close();
    clearInterval(this.timer);
  }

  state(text) {
    const state = this.querySelector("[data-state]");
    if (state && state.textContent !== text) state.textContent = text;
  }

  flush() {
    if (this.held) {
      this.state(this.dataset.paused.replace("{0}", this.waiting.length));
      return;
    }
    this.state(this.dataset.running);
    for (const row of this.waiting.splice(0)) {
      this.list.prepend(row);
      this.heard++;
    }
    this.querySelector("[data-empty]")?.remove();
    while (this.list.children.length > 100) this.list.lastElementChild.remove();
  }

  // For those who listen: a count now and then, not every row.
  tell() {
    if (this.heard) say(this.dataset.heard.replace("{0}", this.heard));
    this.heard = 0;
  }
});

// A form that takes its time says so.
document.addEventListener("submit", event => {
  const button = event.target.dataset?.busy && event.target.querySelector("button:not([type=button])");
  if (button) {
    button.setAttribute("aria-disabled", "true");
    button.textContent = event.target.dataset.busy;
  }
});
