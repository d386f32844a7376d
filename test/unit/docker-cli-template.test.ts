import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { indentJson } from '../../src/docker/inspect/indent.js';
import { parseJson, untyped } from '../../src/docker/inspect/json.js';
import { typed } from '../../src/docker/inspect/typed.js';
import { GoMap, Template, TemplateError, type Value } from '../../src/docker/template/index.js';
import { cpuTimer } from '../helpers/cpu-time.js';

/** What Go's text/template with docker's functions makes of a template on this value. */
const DATA = untyped(
  parseJson(
    '{"Name":"/c1","Args":["1000","x"],"None":null,"Count":7,"Labels":{"b":"2","a":"1"},"State":{"Running":true,"Pid":42},"Big":9223372036854771712}',
  ),
);

function run(text: string, data: Value = DATA, missingKeyIsError = false): string {
  return new Template(text).run(data, { missingKeyIsError });
}

function failure(text: string, missingKeyIsError = true): string {
  try {
    return `no failure: ${run(text, DATA, missingKeyIsError)}`;
  } catch (error) {
    assert.ok(error instanceof TemplateError, `not a failure of the template: ${String(error)}`);
    return error.message.replace(/^template: /, '');
  }
}

/** Template and text, as docker 28 prints them. */
const EVALUATED: readonly (readonly [string, string])[] = [
  ['plain { } }} text', 'plain { } }} text'],
  ['{{.Name}}', '/c1'],
  ['a {{- " b " -}} c', 'a b c'],
  ['x {{- /* a comment */ -}} y', 'xy'],
  ['{{.Name | printf "%q"}} {{printf "%s" .Name | len}}', '"/c1" 3'],
  ['{{.Name | }}', '/c1'],
  ['{{if .None}}a{{else if .Name}}b{{else}}c{{end}}', 'b'],
  ['{{if and .Name (not .None)}}yes{{end}}{{if or .None false}}no{{end}}', 'yes'],
  ['{{and 1 0}} {{or 0 "x"}} {{not 1}}', '0 x false'],
  ['{{with .State}}{{.Pid}}{{else}}none{{end}}', '42'],
  ['{{with .None}}a{{else with .Name}}{{.}}{{else}}b{{end}}', '/c1'],
  ['{{range .Args}}[{{.}}]{{else}}none{{end}}', '[1000][x]'],
  ['{{range $i, $e := .Args}}{{$i}}={{$e}};{{end}}', '0=1000;1=x;'],
  ['{{range $k, $v := .Labels}}{{$k}}={{$v}};{{end}}', 'a=1;b=2;'],
  ['{{range .None}}a{{else}}none{{end}}', 'none'],
  ['{{range 3}}{{.}}{{end}}', '012'],
  ['{{range .Args}}{{.}}{{break}}{{end}}{{range .Args}}{{if eq . "x"}}{{continue}}{{end}}{{.}}{{end}}', '10001000'],
  ['{{$x := 3}}{{$x = 4}}{{$x}}{{range .Args}}{{$x = .}}{{end}}{{$x}}', '4x'],
  ['{{$y := "o"}}{{range .Args}}{{$y := .}}{{end}}{{$y}}', 'o'],
  ['{{define "t"}}<{{.}}>{{end}}{{template "t" .Name}}{{template "t"}}', '</c1><<no value>>'],
  ['{{block "b" .Name}}[{{.}}]{{end}}', '[/c1]'],
  ['{{define "a"}}{{end}}{{define "a"}}x{{end}}{{template "a"}}', 'x'],
  ['{{index .Labels "a"}} {{index .Args 1}} {{(index .Args 0) | len}}', '1 x 4'],
  ['{{.Labels.a}} {{.Labels.zz}} {{.State}}', '1 <no value> map[Pid:42 Running:true]'],
  ['{{slice "abcdef" 1 3}} {{len .Args}} {{slice .Args 1}}', 'bc 2 [x]'],
  ['{{len "héllo"}} {{slice "héllo" 1 3}}', '6 é'],
  [
    '{{eq 1 2 1}} {{ne 1 2}} {{lt 1 2}} {{le "a" "b"}} {{gt 1.5 1.2}} {{ge 2 2}} {{eq .None nil}}',
    'true true true true true true true',
  ],
  ['{{print 1 2 "a" "b" 3}}|{{print nil 1}}|{{println 1 "a" nil true}}', '1 2ab3|<nil> 1|1 a <nil> true\n'],
  ['{{1.5}} {{1e3}} {{0x10}} {{0b101}} {{017}} {{1_000}} {{`raw`}} {{true}}', '1.5 1000 16 5 15 1000 raw true'],
  ["{{'a'}} {{1e21}} {{1e20}} {{1e-5}} {{1000000.5}}", '97 1e+21 1e+20 1e-05 1.0000005e+06'],
  ['{{html "<a&\'\\">"}} {{js "a\'b<"}} {{urlquery "a b&"}}', "&lt;a&amp;&#39;&#34;&gt; a\\'b\\u003C a+b%26"],
  [
    '{{json .Labels}} {{json .Name}} {{json .None}} {{.Big}} {{json .Big}}',
    '{"a":"1","b":"2"} "/c1" null 9223372036854771712 9223372036854771712',
  ],
  ['{{json "<&>"}}', '"<&>"'],
  [
    '{{split "a.b" "."}} {{join (split "a.b" ".") "/"}} {{title "hELLO wORLD"}} {{lower "A"}} {{upper "a"}}',
    '[a b] a/b HELLO WORLD a A',
  ],
  ['{{pad "x" 1 2}}| {{pad "" 1 2}}| {{truncate "abcdef" 3}} {{truncate "ab" 9}}', ' x  | | abc ab'],
  ['{{$.Name}}{{with .State}}{{$.Name}}{{end}}', '/c1/c1'],
  ['{{(.State).Pid}} {{.State.Running | not}}', '42 false'],
  ['{{"\\x41\\u00e9\\n"}}', 'Aé\n'],
  ['{{-3}} {{- 3}} {{3 -}} x', '-33 3x'],
];

/** Verbs of package fmt. */
const PRINTED: readonly (readonly [string, string])[] = [
  ['"%d %s %q %v %x %5s|%-5s|%05d" 1 "a" "b" true "hi" "r" "l" 42', '1 a "b" true 6869     r|l    |00042'],
  ['"%t %c %U %e %g %T %%" true 65 66 1.5 2.5 "x"', 'true A U+0042 1.500000e+00 2.5 string %'],
  [
    '"%6.2f|%+d|%X|% x|%#x|%08.3f|%q|%b|%o" 3.14159 5 255 "hi" 255 3.14159 65 5 8',
    "  3.14|+5|FF|68 69|0xff|0003.142|'A'|101|10",
  ],
  ['"%[2]d %[1]d" 1 2', '2 1'],
  ['"%*d|%-*d|" 5 3 4 2', '    3|2   |'],
  ['"%.3s|%.2f|%.3g" "abcdef" 1.005 1234.5', 'abc|1.00|1.23e+03'],
  ['"%d" "a"', '%!d(string=a)'],
  ['"%s" 3', '%!s(int=3)'],
  ['"%d"', '%!d(MISSING)'],
  ['"x" 1', 'x%!(EXTRA int=1)'],
  ['"%z" 1', '%!z(int=1)'],
  ['"%!"', '%!!(MISSING)'],
  ['"%"', '%!(NOVERB)'],
  ['"%[5]d" 1', '%!d(BADINDEX)'],
  ['"%9999999999d" 1', '%!(NOVERB)%!(EXTRA int=1)'],
  ['"%v %q" .Args .Args', '[1000 x] ["1000" "x"]'],
];

/** Template and what is said of it, as docker 28 says it. */
const REFUSED: readonly (readonly [string, string])[] = [
  ['{{.X}}', ':1:2: executing "" at <.X>: map has no entry for key "X"'],
  ['{{.State.X}}', ':1:8: executing "" at <.State.X>: map has no entry for key "X"'],
  ['a\n{{.X.Y}}', ':2:4: executing "" at <.X.Y>: map has no entry for key "X"'],
  ['{{.Name.Foo}}', ':1:7: executing "" at <.Name.Foo>: can\'t evaluate field Foo in type interface {}'],
  ['{{$x := "q"}}{{$x.y}}', ':1:17: executing "" at <$x.y>: can\'t evaluate field y in type string'],
  ['{{', ':1: unclosed action'],
  ['{{.Name', ':1: unclosed action'],
  ['{{.Name}', ":1: bad character U+007D '}'"],
  ['{{/* x }}', ':1: unclosed comment'],
  ['{{"abc}}', ':1: unterminated quoted string'],
  ['{{`abc}}', ':1: unterminated raw quoted string'],
  ['{{"\\q"}}', ':1: invalid syntax'],
  ['{{3x}}', ':1: bad number syntax: "3x"'],
  ['{{(.Name}}', ':1: unclosed left paren'],
  ['{{.Name)}}', ':1: unexpected right paren'],
  ['{{@}}', ':1: unexpected "@" in command'],
  ['{{.Name.3}}', ':1: unexpected ".3" in operand'],
  ['{{range}}', ':1: missing value for range'],
  ['{{if .Name}}', ':1: unexpected EOF'],
  ['{{end}}', ':1: unexpected {{end}}'],
  ['{{else}}', ':1: unexpected {{else}}'],
  ['{{if .Name}}a{{else}}c{{else}}d{{end}}', ':1: expected end; found {{else}}'],
  ['{{break}}', ':1: {{break}} outside {{range}}'],
  ['{{3 | 4}}', ':1: non executable command in pipeline stage 2'],
  ['{{foo .}}', ':1: function "foo" not defined'],
  ['{{$y}}', ':1: undefined variable "$y"'],
  ['{{define a}}{{end}}', ':1: unexpected "a" in define clause'],
  ['{{template a}}', ':1: unexpected "a" in template clause'],
  ['{{range $a, $b, $c := .Args}}{{end}}', ':1: too many declarations in range'],
  ['{{$a, $b := .Args}}', ':1: too many declarations in command'],
  ['{{template "x"}}', ':1:11: executing "" at <{{template "x"}}>: template "x" not defined'],
  ['{{nil}}', ':1:2: executing "" at <nil>: nil is not a command'],
  ['{{.Name 3}}', ':1:2: executing "" at <.Name>: Name is not a method but has arguments'],
  ['{{"a" "b"}}', ':1:2: executing "" at <"a">: can\'t give argument to non-function "a"'],
  ['{{json}}', ':1:2: executing "" at <json>: wrong number of args for json: want 1 got 0'],
  ['{{upper 3}}', ':1:8: executing "" at <3>: expected string; found 3'],
  ['{{len 3}}', ':1:2: executing "" at <len 3>: error calling len: len of type int'],
  ['{{index .Args 5}}', ':1:2: executing "" at <index .Args 5>: error calling index: index out of range: 5'],
  [
    '{{index .Args "a"}}',
    ':1:2: executing "" at <index .Args "a">: error calling index: cannot index slice/array with type string',
  ],
  ['{{index nil 1}}', ':1:2: executing "" at <index nil 1>: error calling index: index of untyped nil'],
  ['{{slice .Name 9}}', ':1:2: executing "" at <slice .Name 9>: error calling slice: index out of range: 9'],
  ['{{lt 1 "a"}}', ':1:2: executing "" at <lt 1 "a">: error calling lt: incompatible types for comparison'],
  ['{{eq 1 1.0}}', ':1:2: executing "" at <eq 1 1.0>: error calling eq: incompatible types for comparison'],
  [
    '{{eq .Args .Args}}',
    ':1:2: executing "" at <eq .Args .Args>: error calling eq: non-comparable type [1000 x]: []interface {}',
  ],
  ['{{range .Name}}{{end}}', ':1:8: executing "" at <.Name>: range can\'t iterate over /c1'],
  ['{{.Args | join ","}}', ':1:15: executing "" at <",">: can\'t handle "," for arg of type []string'],
  ['{{$x = 3}}', ':1:7: executing "" at <3>: undefined variable: $x'],
  ['{{pad .Name -1 0}}', ':1:2: executing "" at <pad .Name -1 0>: error calling pad: strings: negative Repeat count'],
  [
    '{{truncate .Name -1}}',
    ':1:2: executing "" at <truncate .Name -1>: error calling truncate: runtime error: slice bounds out of range [:-1]',
  ],
  ['{{call .Name}}', ':1:2: executing "" at <call .Name>: error calling call: non-function .Name of type string'],
];

describe("docker's templates", () => {
  for (const [text, expected] of EVALUATED)
    it(`${text} is ${JSON.stringify(expected)}`, () => assert.equal(run(text), expected));
  for (const [args, expected] of PRINTED) it(`printf ${args}`, () => assert.equal(run(`{{printf ${args}}}`), expected));
  for (const [text, expected] of REFUSED)
    it(`refuses ${JSON.stringify(text)}`, () => assert.equal(failure(text), expected));
});

describe('templates on the types of inspected objects', () => {
  const container = typed(
    'container.InspectResponse',
    parseJson(
      '{"Id":"x","State":{"Running":true},"Config":{"Labels":{"a":"b"},"Healthcheck":{"Interval":90000000000}},"Mounts":[{"Destination":"/d","RW":true}]}',
    ),
  );

  it('give absent fields their zero', () => {
    assert.equal(
      run('{{.State.Health}} {{.HostConfig}} {{.Args}} {{.RestartCount}}|{{.Name}}|', container),
      '<nil> <nil> [] 0||',
    );
    assert.equal(run('{{.State}}', container), '{ true false false false false 0 0    <nil>}');
    assert.equal(
      run('{{.Config.Labels.zz}} {{index .Config.Labels "zz"}}|{{.Config.Healthcheck.Interval}}', container),
      '<no value> |1m30s',
    );
  });

  it('know fields by their Go names, also those of embedded structs', () => {
    assert.equal(run('{{.ID}} {{range .Mounts}}{{.}}{{end}}', container), 'x {   /d   true }');
    assert.throws(() => run('{{.Id}}', container), /can't evaluate field Id in type container.InspectResponse/);
  });

  it('write JSON as encoding/json does', () => {
    assert.equal(
      run('{{json .State}}', container),
      '{"Status":"","Running":true,"Paused":false,"Restarting":false,"OOMKilled":false,"Dead":false,"Pid":0,"ExitCode":0,"Error":"","StartedAt":"","FinishedAt":""}',
    );
    assert.equal(run('{{json .Config.Healthcheck}} {{json .Args}}', container), '{"Interval":90000000000} null');
  });
});

describe('the bounds of templates', () => {
  it('end one that calls itself', () =>
    assert.match(
      failure('{{define "a"}}{{template "a" .}}{{end}}{{template "a" .}}'),
      /exceeded maximum template depth \(1000\)/,
    ));
  it('end one that never ends', () =>
    assert.match(failure('{{range 100000}}{{range 100000}}{{end}}{{end}}'), /evaluated more than/));
  it('end one whose output grows', () =>
    assert.match(failure('{{$x := "0123456789"}}{{range 40}}{{$x = print $x $x}}{{end}}{{$x}}'), /output is too long/));
  it('refuse deep nesting', () => {
    assert.match(failure(`{{${'('.repeat(5000)}1${')'.repeat(5000)}}}`), /nested deeper than/);
    assert.match(failure('{{if 1}}'.repeat(5000)), /nested deeper than/);
  });

  it('take time that grows with the text only', () => {
    const spent = cpuTimer();
    assert.equal(run('{{/* x */}}a '.repeat(20_000)).length, 40_000);
    assert.ok(spent() < 3000, `took ${spent()} ms`);
  });
});

describe('JSON of an engine', () => {
  it('is indented without a change to its bytes', () => {
    const text = '[{"a":"<\\u003c\\"}{","b":[],"c":{},"d":[1.50,{"e":null}]},{}]';
    assert.equal(
      indentJson(text),
      `[\n    {\n        "a": "<\\u003c\\"}{",\n        "b": [],\n        "c": {},\n        "d": [\n            1.50,\n            {\n                "e": null\n            }\n        ]\n    },\n    {}\n]`,
    );
  });

  it('keeps order and numbers, and is refused when it is none or too deep', () => {
    const value = untyped(parseJson('{"2":"b","1":12345678901234567890.5}'));
    assert.ok(value instanceof GoMap, 'not a map');
    assert.deepEqual([...value.entries.keys()], ['2', '1']);
    assert.equal(run('{{index . "1"}}', value), '12345678901234567890.5');
    for (const text of ['', '{', '[1,]', '{"a" 1}', '{"a":1,}', '[1 2]', 'nul', '01', '"\u0001"', '1 2', '[}'])
      assert.throws(() => parseJson(text), /JSON/, text);
    assert.throws(() => parseJson('['.repeat(5000) + ']'.repeat(5000)), /nested deeper than 200/);
  });
});
