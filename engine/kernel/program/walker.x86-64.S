# The walker for x86-64: starts a child with clone3 and walks records in it. See README.md for the layout of a record.
# r12 = record, r13 = header. No stack is used in the child, no libc, no thread-local storage.
        .intel_syntax noprefix
        .text
# long start(struct clone_args *rdi, size_t rsi, struct record *rdx, struct header *rcx): pid, or -errno
start:
        push    r12
        push    r13
        push    rbx
        mov     r12, rdx
        mov     r13, rcx
        mov     eax, 435                        # clone3
        syscall
        test    rax, rax
        jz      walk
        pop     rbx
        pop     r13
        pop     r12
        ret
        .balign 16
walk:                                           # an ELF image enters here with r12 and r13 loaded
        mov     dword ptr [r12+116], 1          # state = running
        cmp     dword ptr [r12+60], 0           # hold?
        je      issue
        lock inc dword ptr [r13+16]             # header.arrived
        lea     rdi, [r13+16]
        mov     esi, 1                          # FUTEX_WAKE
        mov     edx, 0x7fffffff
        mov     eax, 202
        syscall
held:
        mov     edx, dword ptr [r12+60]
        test    edx, edx
        jz      issue
        lea     rdi, [r12+60]
        xor     esi, esi                        # FUTEX_WAIT
        xor     r10d, r10d
        mov     eax, 202
        syscall
        jmp     held
issue:
        rdtsc
        shl     rdx, 32
        or      rax, rdx
        mov     qword ptr [r12+72], rax         # begun
        movsxd  rax, dword ptr [r12+112]        # injected errno
        neg     rax
        jnz     issued
        test    dword ptr [r12+56], 8           # NO_CALL: the result is the first argument
        jz      call
        mov     rax, qword ptr [r12+8]
        test    dword ptr [r12+56], 0x100
        jz      issued
        mov     rax, qword ptr [rax]
        jmp     issued
call:
        mov     rax, qword ptr [r12]
        mov     rdi, qword ptr [r12+8]
        mov     rsi, qword ptr [r12+16]
        mov     rdx, qword ptr [r12+24]
        mov     r10, qword ptr [r12+32]
        mov     r8, qword ptr [r12+40]
        mov     r9, qword ptr [r12+48]
        mov     ecx, dword ptr [r12+56]         # LOAD_0 .. LOAD_5: the argument is the address of its value
        test    ecx, 0x3f00
        jz      enter
        bt      ecx, 8
        jnc     load1
        mov     rdi, qword ptr [rdi]
load1:  bt      ecx, 9
        jnc     load2
        mov     rsi, qword ptr [rsi]
load2:  bt      ecx, 10
        jnc     load3
        mov     rdx, qword ptr [rdx]
load3:  bt      ecx, 11
        jnc     load4
        mov     r10, qword ptr [r10]
load4:  bt      ecx, 12
        jnc     load5
        mov     r8, qword ptr [r8]
load5:  bt      ecx, 13
        jnc     enter
        mov     r9, qword ptr [r9]
enter:
        syscall
issued:
        mov     rbx, rax
        test    dword ptr [r12+56], 2           # JUMP_IF_ZERO: nothing is stored, for a nested clone's child comes here
        jz      store
        test    rbx, rbx
        jnz     store
        mov     r12, qword ptr [r12+96]
        jmp     walk
store:
        rdtsc
        shl     rdx, 32
        or      rax, rdx
        mov     qword ptr [r12+80], rax         # ended
        mov     qword ptr [r12+64], rbx         # result
        mov     dword ptr [r12+116], 2          # state = done
        cmp     rbx, -4096
        ja      error
        mov     rax, qword ptr [r12+88]         # store at
        test    rax, rax
        jz      stored
        test    dword ptr [r12+56], 64          # STORE_32
        jnz     store32
        mov     qword ptr [rax], rbx
        jmp     stored
store32:
        mov     dword ptr [rax], ebx
stored:
        test    dword ptr [r12+56], 4           # JUMP
        jnz     jump
next:
        add     r12, 128
        jmp     walk
jump:
        mov     r12, qword ptr [r12+96]
        jmp     walk
error:
        test    dword ptr [r12+56], 1           # IGNORE
        jnz     accepted
        mov     eax, ebx
        neg     eax
        cmp     ax, word ptr [r12+104]          # accepted errnos
        je      accepted
        cmp     ax, word ptr [r12+106]
        je      accepted
        cmp     ax, word ptr [r12+108]
        je      accepted
        cmp     ax, word ptr [r12+110]
        je      accepted
        cmp     word ptr [r12+104], 0           # JUMP_IF_ERROR takes the accepted errnos, or all where none is named
        jne     unexpected
        test    dword ptr [r12+56], 16
        jnz     jump
unexpected:
        mov     dword ptr [r12+116], 3          # state = failed
        mov     qword ptr [r13+8], r12          # header.failed
        mov     rax, qword ptr [r13+24]         # header.on_failure, once
        test    rax, rax
        jz      quit
        mov     qword ptr [r13+24], 0
        mov     r12, rax
        jmp     walk
accepted:
        test    dword ptr [r12+56], 16          # JUMP_IF_ERROR
        jnz     jump
        jmp     next
quit:
        mov     edi, dword ptr [r13+32]         # header.exit_code
        mov     eax, 231                        # exit_group
        syscall
        hlt
