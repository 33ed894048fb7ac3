// What was done, so that it can be undone: whole states, which are small.
const MOST = 100;

export class History {
  constructor(state, onChange = () => {}) {
    this.states = [state];
    this.at = 0;
    this.onChange = onChange;
  }

  get state() {
    return this.states[this.at];
  }
  get canUndo() {
    return this.at > 0;
  }
  get canRedo() {
    return this.at < this.states.length - 1;
  }

  push(state) {
    this.states = [...this.states.slice(0, this.at + 1), state].slice(-MOST);
    this.at = this.states.length - 1;
    this.onChange(this);
  }

  undo() {
    return this.go(this.at - 1);
  }
  redo() {
    return this.go(this.at + 1);
  }

  go(at) {
    if (at < 0 || at >= this.states.length) return null;
    this.at = at;
    this.onChange(this);
    return this.state;
  }
}
