import type { Check } from '../../helpers/docker/checks.js';

/** Starting a program: how it ends, what goes in and comes out, with and without a terminal. */
export const RUN_CHECKS: readonly Check[] = [
  {
    name: 'run: exit codes of programs, and of programs that cannot be run',
    script: String.raw`
      say 0; try run --rm $IMAGE true
      say 3; try run --rm $IMAGE sh -c 'echo out; echo err >&2; exit 3'
      say killed; try run --rm $IMAGE sh -c 'exec 2>/dev/null; sleep 5 & kill -9 $!; wait $!'
      say missing; try run --rm $IMAGE nosuch
      say missing path; try run --rm $IMAGE /no/such
      say not executable; try run --rm $IMAGE /plain
      say directory; try run --rm $IMAGE /bin
      say no shebang; try run --rm $IMAGE no-shebang
      say no such user; try run --rm --user nobody-here $IMAGE true
      say privileged; try run --rm --privileged $IMAGE true`,
    expect: [
      '# 0\n# 3\n| out\n! err\n= 3',
      '# killed\n= 137',
      /# missing\n.*executable file not found[\s\S]*= 127\n# missing path/,
      /# missing path\n.*no such file or directory[\s\S]*= 127\n# not exec/,
      /# not executable\n.*permission denied[\s\S]*= 126\n# dir/,
      /# directory\n.*[\s\S]*= 126\n# no shebang/,
      /# no shebang\n.*exec format error/,
      /# no such user\n[\s\S]*= 125/,
    ],
  },
  {
    name: 'run: errors of what is mounted and set',
    script: `
      mkdir dir; echo text >file
      say directory onto file; try run --rm -v $WORK/dir:/etc/passwd $IMAGE true
      say file onto directory; try run --rm -v $WORK/file:/etc $IMAGE true
      say unknown sysctl; try run --rm --sysctl net.no.such=1 $IMAGE true
      say the next one runs; try run --rm $IMAGE echo fine`,
    expect: [
      /# directory onto file\n.*not a directory[\s\S]*= 12[57]\n# file/,
      /# unknown sysctl\n[\s\S]*= 12[57]/,
      '| fine',
    ],
  },
  {
    name: 'run: standard input, output and errors',
    script: String.raw`
      say without -i there is none; echo lost | try run --rm $IMAGE cat
      say with -i; echo hello | try run --rm -i $IMAGE cat
      say apart; try run --rm $IMAGE sh -c 'echo one; echo two >&2; echo three'
      say a megabyte in order
      head -c 1000000 /dev/urandom >big; md5sum <big >sum
      run --rm -i --log-driver none $IMAGE cat <big | md5sum | cmp - sum && echo equal
      say much output; try run --rm $IMAGE sh -c 'seq 1 5000' | tail -2
      say attach to one stream; try run --rm -a stderr $IMAGE sh -c 'echo out; echo err >&2; exit 4'`,
    expect: ['# with -i\n| hello', '# apart\n| one\n| three\n! two', 'equal', '| 5000', '= 4'],
  },
  {
    name: 'run: terminals',
    script: String.raw`
      say -t without a terminal here; try run --rm -t $IMAGE sh -c 'tty; echo x >&2; exit 3' | od -c
      say -it; at_terminal see:ready type:'typed\n' see:typed -- \
        $ENGINE run $RUNTIME --rm -it --network none $IMAGE sh -c 'tty; until stty size 2>/dev/null | grep "24 80"; do sleep 0.05; done; ls -l /dev/console | cut -c1-10; echo ready; read x; echo "read $x"; exit 5'
      echo "= $?"
      say resize; at_terminal see:ready size:40x100 see:resized -- \
        $ENGINE run $RUNTIME --rm -it --network none $IMAGE sh -c 'until stty size 2>/dev/null | grep -q "24 80"; do sleep 0.05; done; trap changed=yes WINCH; sleep 0.5; echo ready; until [ "$(stty size 2>/dev/null) $changed" = "40 100 yes" ]; do sleep 0.05; done; echo resized; exit 6'
      echo "= $?"
      say interrupt; at_terminal see:ready type:'\x03' -- \
        $ENGINE run $RUNTIME --rm -it --network none $IMAGE sh -c 'trap "echo interrupted; exit 7" INT; echo ready; while :; do sleep 0.1; done'
      echo "= $?"
      say a shell with jobs; at_terminal see:'#' type:'sleep 100 & jobs; kill %1\n' see:'Running' type:'exit 8\n' -- \
        $ENGINE run $RUNTIME --rm -it --network none $IMAGE sh | grep -o 'sleep 100 &$\|Running'
      say detach and come back; at_terminal see:ready type:'\x10\x11' -- \
        $ENGINE run $RUNTIME --name "$P"t -it --network none $IMAGE sh -c 'echo ready; read x; echo "then $x"; exit 9'
      echo "= $?"; state "$P"t
      at_terminal type:'more\n' see:then -- $ENGINE attach "$P"t
      echo "= $?"; state "$P"t`,
    expect: [
      '24 80',
      'crw--w----',
      'read typed\n= 5',
      'resized\n= 6',
      'interrupted\n= 7',
      'Running',
      'running 0',
      'then more\n= 9',
      'exited 9',
    ],
  },
  {
    name: 'run: logs',
    script: String.raw`
      run -d --name "$P"l $IMAGE sh -c 'echo one; echo two >&2; sleep 0.6; echo three; exit 2' >/dev/null
      say follow; try d logs -f "$P"l
      say again; try d logs "$P"l
      say tail; try d logs --tail 1 "$P"l
      say a terminal has one stream
      run -dt --name "$P"t $IMAGE sh -c 'echo out; echo err >&2' >/dev/null; d wait "$P"t
      try d logs "$P"t | od -c
      state "$P"l`,
    expect: ['# follow\n| one\n| three\n! two', '# tail\n| three', 'exited 2'],
  },
];
