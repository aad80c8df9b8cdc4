// What a page does besides reading and posting. Without this file every page reads and every form posts.
"use strict";
(() => {
  const $ = (what, where = document) => where.querySelector(what);
  const $$ = (what, where = document) => [...where.querySelectorAll(what)];
  const say = (words) => {
    const line = $("#said") || document.body.appendChild(Object.assign(document.createElement("p"), { id: "said", className: "sr" }));
    line.setAttribute("role", "status");
    line.textContent = words;
  };

  // Dialogs: a link to one opens it, a link out of one closes it.
  const show = (id) => {
    const dialog = document.getElementById(id);
    if (!dialog || !dialog.showModal) return false;
    if (!dialog.open) dialog.showModal();
    return true;
  };
  document.addEventListener("click", (event) => {
    const target = event.target;
    if (!(target instanceof Element)) return;
    const opener = target.closest("[data-dialog]");
    if (opener && show(opener.dataset.dialog)) event.preventDefault();
    const closer = target.closest("[data-close]");
    const dialog = closer && closer.closest("dialog");
    if (dialog && dialog.open) {
      event.preventDefault();
      dialog.close();
    }
    // Menus close when something else is pressed.
    for (const menu of $$("details.menu[open]")) if (!menu.contains(target)) menu.open = false;
    const copier = target.closest("[data-copy]");
    if (copier) copy(copier.dataset.copy, copier);
  });

  const copy = async (text, beside) => {
    try {
      await navigator.clipboard.writeText(text);
      say("Copied.");
      if (beside) {
        const before = beside.lastChild.textContent;
        beside.lastChild.textContent = "Copied";
        setTimeout(() => (beside.lastChild.textContent = before), 2000);
      }
    } catch {
      say("The browser does not let this page copy. Select the text instead.");
    }
  };

  // A link whose token stands in the fragment: it goes into its form, out of the address, and is sent.
  const fragment = $("form[data-fragment]");
  if (fragment && location.hash.length > 1) {
    fragment.elements[fragment.dataset.fragment].value = location.hash.slice(1);
    history.replaceState(null, "", location.pathname);
    fragment.submit();
  }

  // Sealing a secret to whom it is for, before it is sent: HPKE (RFC 9180) in base mode with P-256, HKDF-SHA256, AES-256-GCM.
  const sealed = async (key, whom, text) => {
    const { subtle } = crypto;
    const bytes = (words) => new TextEncoder().encode(words);
    const join = (...parts) => {
      const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
      let at = 0;
      for (const part of parts) {
        all.set(part, at);
        at += part.length;
      }
      return all;
    };
    const hmac = async (secret, ...parts) => {
      const hash = { name: "HMAC", hash: "SHA-256" };
      const by = await subtle.importKey("raw", secret.length ? secret : new Uint8Array(32), hash, false, ["sign"]);
      return new Uint8Array(await subtle.sign("HMAC", by, join(...parts)));
    };
    const [none, version] = [new Uint8Array(0), bytes("HPKE-v1")];
    const kem = join(bytes("KEM"), Uint8Array.of(0, 16));
    const suite = join(bytes("HPKE"), Uint8Array.of(0, 16, 0, 1, 0, 2));
    const extract = (of, salt, label, from) => hmac(salt, version, of, bytes(label), from);
    const expand = async (of, secret, label, about, size) =>
      (await hmac(secret, Uint8Array.of(0, size), version, of, bytes(label), about, Uint8Array.of(1))).slice(0, size);
    const theirs = Uint8Array.from(atob(key), (character) => character.charCodeAt(0));
    const curve = { name: "ECDH", namedCurve: "P-256" };
    const own = await subtle.generateKey(curve, false, ["deriveBits"]);
    const point = new Uint8Array(await subtle.exportKey("raw", own.publicKey));
    const other = await subtle.importKey("raw", theirs, curve, false, []);
    const agreed = new Uint8Array(await subtle.deriveBits({ name: "ECDH", public: other }, own.privateKey, 256));
    const shared = await expand(kem, await extract(kem, none, "eae_prk", agreed), "shared_secret", join(point, theirs), 32);
    const purpose = await extract(suite, none, "info_hash", bytes("muster explorer 1"));
    const context = join(Uint8Array.of(0), await extract(suite, none, "psk_id_hash", none), purpose);
    const secret = await extract(suite, shared, "secret", none);
    const by = await subtle.importKey("raw", await expand(suite, secret, "key", context, 32), "AES-GCM", false, ["encrypt"]);
    const iv = await expand(suite, secret, "base_nonce", context, 12);
    const how = { name: "AES-GCM", iv, additionalData: bytes(whom) };
    return btoa(String.fromCharCode(...join(point, new Uint8Array(await subtle.encrypt(how, by, bytes(text))))));
  };
  for (const place of $$("[data-seal]")) {
    const { seal: key, sealWhom, sealUrl, sealInto } = place.dataset;
    const [typed, line, form] = [$("input:not([name])", place), $("[data-seal-says]", place), place.closest("form")];
    const tell = (words) => {
      line.textContent = words;
      line.hidden = false;
    };
    if (!window.isSecureContext || !crypto.subtle) {
      typed.disabled = true;
      tell("This page did not come over a secure connection, so the browser does not seal. Open it by https, or type the token at the Explorer's machine: muster explorer credential add NAME.");
    }
    form.addEventListener("submit", async (event) => {
      if (!typed.value) return;
      event.preventDefault();
      const what = { url: form.elements[sealUrl].value.trim(), token: typed.value.trim() };
      try {
        form.elements[sealInto].value = await sealed(key, sealWhom, JSON.stringify(what));
      } catch {
        return tell("The browser could not seal the token, so nothing was sent.");
      }
      typed.value = "";
      // Not inside of this event: a form is not sent again there.
      setTimeout(() => form.requestSubmit(event.submitter));
    });
  }

  // What means nothing while a switch is off: passed over, and still sent.
  for (const part of $$("[data-needs]")) {
    const on = part.closest("form")?.elements[part.dataset.needs];
    if (!on) continue;
    const follow = () => {
      part.firstElementChild.inert = !on.checked;
      part.lastElementChild.hidden = on.checked;
    };
    on.addEventListener("change", follow);
    follow();
  }

  // A panel beside a list; shut, it gives the focus back.
  let opener = null;
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.target?.matches("[data-panel]")) opener = event.detail.elt;
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target?.matches("[data-panel]")) $("h2", event.detail.target)?.focus();
  });
  document.addEventListener("click", (event) => {
    const shut = event.target instanceof Element && event.target.closest("[data-shuts]");
    const panel = shut && document.getElementById(shut.dataset.shuts);
    if (!panel) return;
    event.preventDefault();
    panel.replaceChildren();
    opener?.focus();
  });

  // Rows that are chosen.
  const boxes = () => $$('.rows tbody .pick input[type="checkbox"]');
  const chosen = () => {
    const all = boxes();
    const on = all.filter((box) => box.checked).length;
    for (const line of $$("[data-chosen]")) line.textContent = on ? `${on} of ${all.length} shown selected` : "None selected";
    for (const box of $$("[data-all]")) {
      box.checked = on > 0 && on === all.length;
      box.indeterminate = on > 0 && on < all.length;
    }
  };
  let last = null;
  const range = (from, to, on) => {
    const all = boxes();
    const [a, b] = [all.indexOf(from), all.indexOf(to)].sort((x, y) => x - y);
    if (a >= 0) for (const box of all.slice(a, b + 1)) box.checked = on;
  };
  let shift = false;
  document.addEventListener("pointerdown", (event) => (shift = event.shiftKey), true);
  document.addEventListener("change", (event) => {
    const box = event.target;
    if (!(box instanceof HTMLInputElement) || box.type !== "checkbox" || !box.closest(".pick")) return;
    if ("all" in box.dataset) for (const other of boxes()) other.checked = box.checked;
    else {
      if (shift && last) range(last, box, box.checked);
      last = box;
    }
    shift = false;
    chosen();
  });

  // Completion: an ARIA 1.2 combobox with a list. The focus stays in the field.
  const field = $("#q[data-complete]");
  if (field && field.dataset.complete) {
    const pop = $("#q-pop");
    const list = $("#q-list");
    const WAIT = 120;
    let at = -1;
    let asked = 0;
    let timer = 0;
    Object.entries({ role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": "q-list" }).forEach(
      ([name, value]) => field.setAttribute(name, value),
    );
    const lines = () => $$("[role=option]", list);
    const mark = (index) => {
      at = index;
      lines().forEach((line, place) => line.setAttribute("aria-selected", String(place === at)));
      const line = lines()[at];
      if (line) {
        field.setAttribute("aria-activedescendant", line.id);
        line.scrollIntoView({ block: "nearest" });
      } else field.removeAttribute("aria-activedescendant");
    };
    const close = () => {
      clearTimeout(timer);
      asked++;
      pop.hidden = true;
      field.setAttribute("aria-expanded", "false");
      mark(-1);
    };
    // Places are counted in characters, as the server counts them, not in UTF-16 units.
    const characters = (text) => [...text].length;
    const ask = async () => {
      const mine = ++asked;
      const place = characters(field.value.slice(0, field.selectionStart));
      const query = new URLSearchParams({ q: field.value, at: String(place) });
      try {
        const answer = await fetch(`${field.dataset.complete}?${query}`, { headers: { "HX-Request": "true" }, signal: AbortSignal.timeout(5000) });
        if (mine !== asked || !answer.ok || document.activeElement !== field) return;
        const text = await answer.text();
        if (mine !== asked) return;
        list.replaceChildren(...new DOMParser().parseFromString(`<ul>${text}</ul>`, "text/html").body.firstChild.children);
      } catch {
        return;
      }
      const some = lines().length > 0;
      pop.hidden = !some;
      field.setAttribute("aria-expanded", String(some));
      mark(-1);
    };
    const take = (line) => {
      const all = [...field.value];
      const [from, to] = [Number(line.dataset.from), Number(line.dataset.to)];
      const head = all.slice(0, from).join("") + line.dataset.insert;
      field.value = head + all.slice(to).join("");
      field.setSelectionRange(head.length, head.length);
      close();
      field.focus();
    };
    field.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(ask, WAIT);
    });
    field.addEventListener("keydown", (event) => {
      const all = lines();
      if (event.key === " " && event.ctrlKey) {
        event.preventDefault();
        ask();
      } else if (pop.hidden) {
        if (event.key === "ArrowDown") {
          event.preventDefault();
          ask();
        } else if (event.key === "Escape") field.blur();
      } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        const step = event.key === "ArrowDown" ? 1 : -1;
        mark(at < 0 ? (step > 0 ? 0 : all.length - 1) : (at + step + all.length) % all.length);
      } else if (event.key === "Tab" && !event.shiftKey) {
        event.preventDefault();
        take(all[Math.max(at, 0)]);
      } else if (event.key === "Enter") {
        // Enter asks, unless a line was chosen.
        if (at >= 0) {
          event.preventDefault();
          take(all[at]);
        } else close();
      } else if (event.key === "Escape") {
        event.preventDefault();
        event.stopPropagation();
        close();
      }
    });
    field.addEventListener("blur", () => setTimeout(() => document.activeElement !== field && close(), 100));
    list.addEventListener("pointerdown", (event) => event.preventDefault());
    list.addEventListener("click", (event) => {
      const line = event.target.closest("[role=option]");
      if (line) take(line);
    });
  }

  // Single keys, outside fields, unless the person has switched them off. None of them does what cannot be undone.
  const PLACES = { o: "/", a: "/assets", s: "/software", v: "/vulnerabilities", f: "/findings", c: "/checks", i: "/integrations" };
  const AFTER_G = 1500;
  let g = 0;
  const rows = () => $$(".main .rows tbody tr");
  const current = () => rows().findIndex((row) => row.classList.contains("at"));
  const go = (index) => {
    const all = rows();
    if (!all.length) return;
    const next = all[Math.min(Math.max(index, 0), all.length - 1)];
    all.forEach((row) => row.classList.toggle("at", row === next));
    next.scrollIntoView({ block: "nearest" });
    // The row's own page, so that Enter opens it.
    const link = $("th a", next) || $(".pick input, a", next);
    if (link) link.focus({ preventScroll: true });
  };
  const press = (link) => link && link.click();
  const keys = {
    "/": () => {
      const box = $("#q") || $(".query-box input");
      if (box) {
        box.focus();
        box.select();
      }
    },
    "?": () => show("keys"),
    j: () => go(current() + 1),
    k: () => go(current() < 0 ? 0 : current() - 1),
    x: (event) => {
      const box = $(".pick input", rows()[current()]);
      if (!box) return;
      box.checked = !box.checked;
      if (event.shiftKey && last) range(last, box, box.checked);
      last = box;
      chosen();
    },
    "[": () => press($('.foot a[rel="prev"]')),
    "]": () => press($('.foot a[rel="next"]')),
    y: () => copy(location.href),
  };
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing) return;
    if (event.key === "Escape") {
      const menu = $("details.menu[open]");
      if (menu) {
        menu.open = false;
        $("summary", menu).focus();
      } else if (!$("dialog[open]")) {
        const on = boxes().filter((box) => box.checked);
        on.forEach((box) => (box.checked = false));
        if (on.length) chosen();
      }
      return;
    }
    if (document.body.dataset.keys !== "on" || event.ctrlKey || event.metaKey || event.altKey || $("dialog[open]")) return;
    const target = event.target;
    // Enter in a box would send the form by its first verb.
    if (event.key === "Enter" && target instanceof Element && target.closest(".pick")) event.preventDefault();
    const box = target instanceof HTMLInputElement && !["checkbox", "radio", "submit", "button"].includes(target.type);
    if (box || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement || target.isContentEditable) return;
    if (g && event.timeStamp - g < AFTER_G && PLACES[event.key]) {
      g = 0;
      // Only to pages that the navigation shows.
      const link = $$(".nav li a").find((link) => link.getAttribute("href") === PLACES[event.key]);
      if (link) {
        event.preventDefault();
        link.click();
      }
      return;
    }
    g = event.key === "g" ? event.timeStamp : 0;
    const key = event.key === "X" ? "x" : event.key;
    if (Object.hasOwn(keys, key)) {
      event.preventDefault();
      keys[key](event);
    }
  });

  // After htmx has brought rows, what was chosen is gone with them.
  document.addEventListener("htmx:afterSwap", () => {
    last = null;
    chosen();
  });
  // Posts of htmx carry the session's token, as forms do.
  document.addEventListener("htmx:configRequest", (event) => {
    const token = $('meta[name="csrf"]');
    if (token && event.detail.verb !== "get") event.detail.headers["X-CSRF-Token"] = token.content;
  });
  window.addEventListener("pageshow", chosen);
})();
