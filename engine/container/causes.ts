import type { StoryOrigin } from '../api/types.js';
import type { ContainerRecord } from './record.js';

/** Why the engine does something to a container that no request asked for. */

export function causeOfExit({ id, name }: ContainerRecord, exitCode: number): StoryOrigin {
  return {
    by: 'engine',
    cause: 'exit',
    object: id,
    text: {
      en: `the process of container ${name} ended with exit code ${exitCode}`,
      zh: `容器 ${name} 的进程结束，退出码为 ${exitCode}`,
    },
  };
}

export function causeOfRestart({ id, name, hostConfig }: ContainerRecord): StoryOrigin {
  const policy = hostConfig.RestartPolicy.Name;
  return {
    by: 'engine',
    cause: 'restart-policy',
    object: id,
    text: {
      en: `the restart policy ${policy} starts container ${name} again`,
      zh: `按重启策略 ${policy} 再次启动容器 ${name}`,
    },
  };
}

export function causeOfProbe({ id, name }: ContainerRecord): StoryOrigin {
  return {
    by: 'engine',
    cause: 'health-check',
    object: id,
    text: { en: `health check of container ${name}`, zh: `容器 ${name} 的健康检查` },
  };
}
