import type { FakeContainer } from './fake-containers.js';

const CPU = {
  cpu_usage: { total_usage: 4_000_000, usage_in_kernelmode: 1_000_000, usage_in_usermode: 3_000_000 },
  system_cpu_usage: 9_000_000_000,
  online_cpus: 2,
  throttling_data: { periods: 0, throttled_periods: 0, throttled_time: 0 },
};

/** One of GET /containers/ID/stats. */
export function sample(one: FakeContainer): object {
  const now = new Date().toISOString();
  return {
    name: `/${one.name}`,
    id: one.id,
    read: now,
    preread: '0001-01-01T00:00:00Z',
    num_procs: 0,
    pids_stats: { current: 1 },
    cpu_stats: CPU,
    precpu_stats: CPU,
    memory_stats: { usage: 1 << 20, limit: 1 << 30, stats: { cache: 0 } },
    networks: {
      eth0: {
        rx_bytes: 1,
        rx_packets: 1,
        rx_errors: 0,
        rx_dropped: 0,
        tx_bytes: 1,
        tx_packets: 1,
        tx_errors: 0,
        tx_dropped: 0,
      },
    },
    blkio_stats: { io_service_bytes_recursive: [], io_serviced_recursive: null },
    storage_stats: {},
  };
}
