// The walker for arm64: starts a child with clone3 and walks records in it. See README.md for the layout of a record.
// x19 = record, x20 = header, x21 = result. No stack is used in the child, no libc, no thread-local storage.
        .text
// long start(struct clone_args *x0, size_t x1, struct record *x2, struct header *x3): pid, or -errno
start:
        stp     x19, x20, [sp, #-32]!
        str     x21, [sp, #16]
        mov     x19, x2
        mov     x20, x3
        mov     x8, #435                        // clone3
        svc     #0
        cbz     x0, walk
        ldr     x21, [sp, #16]
        ldp     x19, x20, [sp], #32
        ret
        .balign 16
walk:                                           // an ELF image enters here with x19 and x20 loaded
        mov     w9, #1
        str     w9, [x19, #116]                 // state = running
        add     x10, x19, #60
        ldar    w9, [x10]                       // hold?
        cbz     w9, issue
        add     x0, x20, #16
again:
        ldaxr   w9, [x0]                        // header.arrived
        add     w9, w9, #1
        stlxr   w11, w9, [x0]
        cbnz    w11, again
        mov     x1, #1                          // FUTEX_WAKE
        mov     w2, #0x7fffffff
        mov     x8, #98
        svc     #0
held:
        add     x0, x19, #60
        ldar    w2, [x0]
        cbz     w2, issue
        mov     x1, #0                          // FUTEX_WAIT
        mov     x3, #0
        mov     x8, #98
        svc     #0
        b       held
issue:
        mrs     x9, cntvct_el0
        str     x9, [x19, #72]                  // begun
        ldrsw   x0, [x19, #112]                 // injected errno
        neg     x0, x0
        cbnz    x0, issued
        ldr     w9, [x19, #56]
        tbz     w9, #3, call                    // NO_CALL: the result is the first argument
        ldr     x0, [x19, #8]
        tbz     w9, #8, issued
        ldr     x0, [x0]
        b       issued
call:
        ldr     x8, [x19]
        ldp     x0, x1, [x19, #8]
        ldp     x2, x3, [x19, #24]
        ldp     x4, x5, [x19, #40]
        tst     w9, #0x3f00                     // LOAD_0 .. LOAD_5: the argument is the address of its value
        b.eq    enter
        tbz     w9, #8, load1
        ldr     x0, [x0]
load1:  tbz     w9, #9, load2
        ldr     x1, [x1]
load2:  tbz     w9, #10, load3
        ldr     x2, [x2]
load3:  tbz     w9, #11, load4
        ldr     x3, [x3]
load4:  tbz     w9, #12, load5
        ldr     x4, [x4]
load5:  tbz     w9, #13, enter
        ldr     x5, [x5]
enter:
        svc     #0
issued:
        mov     x21, x0
        ldr     w9, [x19, #56]
        tbz     w9, #1, store                   // JUMP_IF_ZERO: nothing is stored, for a nested clone's child comes here
        cbnz    x21, store
        ldr     x19, [x19, #96]
        b       walk
store:
        mrs     x10, cntvct_el0
        str     x10, [x19, #80]                 // ended
        str     x21, [x19, #64]                 // result
        mov     w10, #2
        str     w10, [x19, #116]                // state = done
        cmn     x21, #4095
        b.hs    error
        ldr     x10, [x19, #88]                 // store at
        cbz     x10, stored
        tbnz    w9, #6, store32                 // STORE_32
        str     x21, [x10]
        b       stored
store32:
        str     w21, [x10]
stored:
        tbnz    w9, #2, jump                    // JUMP
next:
        add     x19, x19, #128
        b       walk
jump:
        ldr     x19, [x19, #96]
        b       walk
error:
        tbnz    w9, #0, accepted                // IGNORE
        neg     w10, w21
        ldrh    w12, [x19, #104]                // accepted errnos
        cmp     w10, w12
        b.eq    accepted
        ldrh    w11, [x19, #106]
        cmp     w10, w11
        b.eq    accepted
        ldrh    w11, [x19, #108]
        cmp     w10, w11
        b.eq    accepted
        ldrh    w11, [x19, #110]
        cmp     w10, w11
        b.eq    accepted
        cbnz    w12, unexpected                 // JUMP_IF_ERROR takes the accepted errnos, or all where none is named
        tbnz    w9, #4, jump
unexpected:
        mov     w10, #3
        str     w10, [x19, #116]                // state = failed
        str     x19, [x20, #8]                  // header.failed
        ldr     x10, [x20, #24]                 // header.on_failure, once
        cbz     x10, quit
        str     xzr, [x20, #24]
        mov     x19, x10
        b       walk
accepted:
        tbnz    w9, #4, jump                    // JUMP_IF_ERROR
        b       next
quit:
        ldr     w0, [x20, #32]                  // header.exit_code
        mov     x8, #94                         // exit_group
        svc     #0
        brk     #0
