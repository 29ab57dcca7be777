import "./styles/main.scss";
import htmx from "htmx.org";
import { start } from "./behaviour";
import "./alarm";
import "./clocks";
import "./code";
import "./drop";
import "./forms";
import "./lists";
import "./live";
import "./menus";
import "./net";
import "./palette";
import "./photos";
import "./pick";
import "./plan";

// No code from text (the content-security policy forbids it anyway), no style elements, and no
// history of personal data left in the browser's storage.
Object.assign(htmx.config, { allowEval: false, includeIndicatorStyles: false, historyCacheSize: 0, refreshOnHistoryMiss: true, attributesToSettle: ["class"], timeout: 20000, selfRequestsOnly: true });
start();
