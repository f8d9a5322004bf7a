// Starts textual-serve's front end once the font is here (a terminal measures its letters only once), and tells it
// where to connect: the scheme and the host are those of this page, whatever stands between it and the server.
"use strict";

const terminal = document.getElementById("terminal");
const scheme = window.location.protocol === "https:" ? "wss:" : "ws:";
terminal.dataset.sessionWebsocketUrl = `${scheme}//${window.location.host}/ws`;
const size = parseInt(new URLSearchParams(window.location.search).get("fontsize"), 10);
if (size >= 6 && size <= 60) terminal.dataset.fontSize = String(size);
document.getElementById("again").addEventListener("click", () => window.location.reload());

const wait = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const loaded = new Promise((resolve) => window.addEventListener("load", resolve));
const fonts = ["16px", "bold 16px", "italic 16px"].map((style) => document.fonts.load(`${style} "Roboto Mono"`));

loaded
  .then(() => Promise.race([Promise.allSettled(fonts), wait(3000)]))
  .then(() => {
    const script = document.createElement("script");
    script.src = "/static/js/textual.js";
    script.addEventListener("load", () => window.onload()); // it waits for an event that has been
    document.head.append(script);
  });

// Keys go to the terminal without a click, and the dashboard knows that somebody looks.
const connected = new MutationObserver(() => {
  if (!terminal.classList.contains("-connected")) return;
  connected.disconnect();
  document.querySelector(".xterm-helper-textarea").focus();
});
connected.observe(terminal, { attributes: true, attributeFilter: ["class"] });
