/**
 * System calls younger than the headers of syscall-numbers.ts, by hand from the kernel's syscall tables
 * (arch/x86/entry/syscalls/syscall_{64,32}.tbl, arch/arm/tools/syscall.tbl, scripts/syscall.tbl): same columns.
 * Since Linux 5.1 a new call has one number on every ABI that has it.
 */
const everywhere = (number: number): readonly [number, number, number, number, number] => [
  number,
  number,
  number,
  number,
  number,
];

export const LATER_SYSCALLS: Readonly<Record<string, readonly [number, number, number, number, number]>> = {
  cachestat: everywhere(451), // 6.5
  fchmodat2: everywhere(452), // 6.6
  map_shadow_stack: [453, 453, -1, 453, 453], // 6.6
  futex_wake: everywhere(454), // 6.7
  futex_wait: everywhere(455), // 6.7
  futex_requeue: everywhere(456), // 6.7
  statmount: everywhere(457), // 6.8
  listmount: everywhere(458), // 6.8
  lsm_get_self_attr: everywhere(459), // 6.8
  lsm_set_self_attr: everywhere(460), // 6.8
  lsm_list_modules: everywhere(461), // 6.8
  mseal: everywhere(462), // 6.10
  uretprobe: [335, -1, -1, -1, -1], // 6.11
  setxattrat: everywhere(463), // 6.13
  getxattrat: everywhere(464), // 6.13
  listxattrat: everywhere(465), // 6.13
  removexattrat: everywhere(466), // 6.13
  open_tree_attr: everywhere(467), // 6.15
  file_getattr: everywhere(468), // 6.17
  file_setattr: everywhere(469), // 6.17
  uprobe: [336, -1, -1, -1, -1], // 6.18
};
