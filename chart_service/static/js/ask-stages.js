// What is seen while a question is being answered: the stages, which one is on, how long it takes.
import { el, icon } from "./dom.js";
import { t } from "./i18n.js";

const STAGES = ["understanding", "writing_sql", "checking", "running", "drawing"];

export class Stages {
  constructor() {
    this.began = Date.now();
    this.at = -1;
    this.tries = 1;
    this.clock = el("span.muted.number");
    this.again = el("span.badge.warn", { hidden: true });
    this.nodes = STAGES.map((stage) => el("li.stage", { data: { stage } }, el("span.stage-mark", {}, icon("check")), el("span", {}, t(`ask.stage_${stage}`))));
    this.said = el("p.visually-hidden", { role: "status" });
    const bars = [38, 62, 48, 76, 56, 88, 70, 96, 64, 82].map((height) => el("span.skeleton", { style: { height: `${height}%` } }));
    this.element = el("section.card.stages", { "aria-label": t("ask.stages") }, el("div.skeleton-chart", { "aria-hidden": "true" }, bars),
      el("div.stages-box", {}, el("ol.stages-list", {}, this.nodes), el("p.stages-foot.small", {}, this.clock, this.again)), this.said);
    this.timer = setInterval(() => this.tick(), 500);
    this.tick();
  }

  /** A stage began. One that was passed already begins again when the model mends its statement. */
  reach(stage) {
    const at = STAGES.indexOf(stage);
    if (at < 0) return;
    if (at < this.at) {
      this.tries += 1;
      this.again.hidden = false;
      this.again.textContent = t("ask.stage_again", { n: this.tries });
    }
    this.at = at;
    this.nodes.forEach((node, index) => {
      node.classList.toggle("done", index < at);
      node.classList.toggle("now", index === at);
      if (index === at) node.setAttribute("aria-current", "step");
      else node.removeAttribute("aria-current");
    });
    this.said.textContent = t(`ask.stage_${stage}`);
  }

  tick() {
    this.clock.textContent = t("ask.seconds", { n: Math.floor((Date.now() - this.began) / 1000) });
  }

  destroy() {
    clearInterval(this.timer);
    this.element.remove();
  }
}
