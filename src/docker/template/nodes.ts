/** Go's text/template/parse/node.go. `position` counts characters of the template's text. */
interface At {
  readonly position: number;
}

export interface TextNode extends At {
  readonly kind: 'text';
  readonly text: string;
}
export interface ActionNode extends At {
  readonly kind: 'action';
  readonly pipe: PipeNode;
}
export interface BranchNode extends At {
  readonly kind: 'if' | 'with' | 'range';
  readonly pipe: PipeNode;
  readonly list: ListNode;
  readonly otherwise: ListNode | null;
}
export interface TemplateNode extends At {
  readonly kind: 'template';
  readonly name: string;
  readonly pipe: PipeNode | null;
}
export interface LoopNode extends At {
  readonly kind: 'break' | 'continue';
}
export type Statement = TextNode | ActionNode | BranchNode | TemplateNode | LoopNode;
export type ListNode = readonly Statement[];

export interface PipeNode extends At {
  readonly kind: 'pipe';
  readonly isAssign: boolean;
  readonly declared: readonly string[];
  readonly commands: readonly CommandNode[];
}
export interface CommandNode extends At {
  readonly kind: 'command';
  readonly args: readonly Operand[];
}
export interface FieldNode extends At {
  readonly kind: 'field';
  readonly names: readonly string[];
}
export interface VariableNode extends At {
  readonly kind: 'variable';
  readonly names: readonly string[];
}
export interface ChainNode extends At {
  readonly kind: 'chain';
  readonly node: Operand;
  readonly names: readonly string[];
}
export interface IdentifierNode extends At {
  readonly kind: 'identifier';
  readonly name: string;
}
export interface ConstantNode extends At {
  readonly kind: 'string' | 'number' | 'bool' | 'nil' | 'dot';
  readonly text: string;
  readonly value: string | bigint | number | boolean | null;
}
export type Operand = FieldNode | VariableNode | ChainNode | IdentifierNode | ConstantNode | PipeNode;

/** As Go's errors quote it. */
export function nodeText(node: Operand | CommandNode | TemplateNode | PipeNode): string {
  switch (node.kind) {
    case 'field':
      return node.names.map((name) => `.${name}`).join('');
    case 'variable':
      return node.names.join('.');
    case 'chain':
      return `${node.node.kind === 'pipe' ? `(${nodeText(node.node)})` : nodeText(node.node)}${node.names.map((name) => `.${name}`).join('')}`;
    case 'identifier':
      return node.name;
    case 'command':
      return node.args.map((arg) => (arg.kind === 'pipe' ? `(${nodeText(arg)})` : nodeText(arg))).join(' ');
    case 'pipe': {
      const names = node.declared.length > 0 ? `${node.declared.join(', ')} ${node.isAssign ? '=' : ':='} ` : '';
      return names + node.commands.map(nodeText).join(' | ');
    }
    case 'template':
      return `{{template ${JSON.stringify(node.name)}${node.pipe === null ? '' : ` ${nodeText(node.pipe)}`}}}`;
    default:
      return node.text;
  }
}
