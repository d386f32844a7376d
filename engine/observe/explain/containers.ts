import type { Container } from '../../api/types.js';
import { shellWord, type Teller, type Told } from './told.js';

const SHORT = 12;

/** A container's life in the lab, in the words of docker(1): what the engine was asked, and what that was to the kernel. */
export const tellContainer: Teller = (change): Told => {
  const before = change.before as Container | undefined;
  const after = change.after as Container | undefined;
  const one = (after ?? before) as Container;
  const name = shellWord(one.name);
  const short = one.id.slice(0, SHORT);
  if (after === undefined)
    return told(`container ${one.name} (${short}) is gone`, `docker rm ${name}`, 'docker-rm(1)', {
      en: `Container ${one.name} was removed: its writable layer and its record are gone; the image's layers stay.`,
      zh: `容器 ${one.name} 已删除：它的可写层和记录都没有了；镜像的各层仍然保留。`,
    });
  if (before === undefined) return tellBirth(one, name, short);
  if (before.name !== one.name)
    return told(
      `container ${short}: ${before.name} -> ${one.name}`,
      `docker rename ${shellWord(before.name)} ${name}`,
      'docker-rename(1)',
      {
        en: `The container is called ${one.name} now. Only the engine's record says so: the kernel knows no names of containers.`,
        zh: `容器改名为 ${one.name}。只有引擎的记录知道这个名字：内核并不认识容器的名字。`,
      },
    );
  return tellState(before, one, name, short);
};

function tellBirth(one: Container, name: string, short: string): Told {
  const runs = one.pid !== null;
  return told(
    `container ${one.name} (${short}) of ${one.image}: ${one.state}`,
    `docker ${runs ? 'run -d' : 'create'} --name ${name} ${shellWord(one.image)}`,
    runs ? 'docker-run(1)' : 'docker-create(1)',
    {
      en: `Container ${one.name} was made from image ${one.image}: a writable layer above the image's, and a record.${runs ? ` Its first process is ${one.pid}.` : ' To the kernel it is only directories until it is started.'}`,
      zh: `由镜像 ${one.image} 创建了容器 ${one.name}：镜像各层之上的一个可写层，加一份记录。${runs ? `它的首个进程是 ${one.pid}。` : '启动之前，对内核来说它只是一些目录。'}`,
    },
  );
}

/** Seen without a process while the engine still thought that it ran. */
function isBetween({ state, exitCode }: Container): boolean {
  return state === 'exited' && exitCode === null;
}

function tellState(before: Container, one: Container, name: string, short: string): Told {
  const was = isBetween(before) ? '' : `${before.state} -> `;
  const act = `container ${one.name} (${short}): ${was}${one.state}${one.exitCode === null ? '' : ` (${one.exitCode})`}`;
  switch (one.state) {
    case 'paused':
      return told(act, `docker pause ${name}`, 'docker-pause(1)', {
        en: `Every process of container ${one.name} stands still: its control group is frozen. They keep their memory and their files.`,
        zh: `容器 ${one.name} 的所有进程都停住不动：它的控制组被冻结了。内存和打开的文件都还在。`,
      });
    case 'running':
      if (before.state === 'paused')
        return told(act, `docker unpause ${name}`, 'docker-unpause(1)', {
          en: `The control group of container ${one.name} was thawed: its processes go on where they stood.`,
          zh: `容器 ${one.name} 的控制组已解冻：进程从停下的地方继续运行。`,
        });
      return told(act, before.pid === null ? `docker start ${name}` : `docker restart ${name}`, 'docker-start(1)', {
        en: `Container ${one.name} runs: process ${one.pid} was begun in its namespaces and its control group, with its layers as root.`,
        zh: `容器 ${one.name} 开始运行：进程 ${one.pid} 在它的命名空间和控制组中启动，以它的各层作为根文件系统。`,
      });
    case 'restarting':
      return told(act, null, 'docker-run(1)', {
        en: `The first process of container ${one.name} has ended; its restart policy will begin it again.`,
        zh: `容器 ${one.name} 的首个进程已结束；按重启策略，它会再次启动。`,
      });
    default:
      return told(act, before.pid === null && !isBetween(before) ? null : `docker stop ${name}`, 'docker-stop(1)', {
        en: `Container ${one.name} has no process any more${one.exitCode === null ? '' : ` (exit status ${one.exitCode})`}: its namespaces and its control group went with it, its writable layer stays.`,
        zh: `容器 ${one.name} 已经没有进程${one.exitCode === null ? '' : `（退出状态 ${one.exitCode}）`}：命名空间和控制组随之消失，可写层仍然保留。`,
      });
  }
}

function told(act: string, command: string | null, man: string, explanation: Told['explanation']): Told {
  return { domain: 'process', act, command, man, explanation };
}
