import type { ContainerService, EngineFacts } from '../../container/types.js';
import type { ImageService } from '../../image/types.js';
import type { Journal } from '../../kernel/journal/journal.js';
import type { EndpointRequest, NetworkService } from '../../network/types.js';
import type { VolumeService } from '../../volume/types.js';

/** A request as the policy sees it: what was understood of it, never its bytes. */
export interface ParsedRequest {
  /** operationId of the OpenAPI description: `ContainerCreate`. */
  readonly operation: string;
  readonly method: string;
  /** Without the version. */
  readonly path: string;
  readonly version: string;
  /** The typed value that is handed to the service, and nothing else is. */
  readonly asked: unknown;
}

/** `docker network connect` and `disconnect`: they change a container's state, so the containers' owner does them. */
export interface NetworkMembership {
  connect(network: string, container: string, endpoint: EndpointRequest): Promise<void>;
  disconnect(network: string, container: string, force: boolean): Promise<void>;
}

export interface DockerServices {
  readonly containers: ContainerService;
  readonly images: ImageService;
  readonly networks: NetworkService;
  readonly volumes: VolumeService;
  readonly facts: EngineFacts;
  /** Absent: containers stay on the networks that they were made with (501). */
  readonly membership?: NetworkMembership;
  /** Keeps what requests made the engine do; absent: nobody is told. */
  readonly journal?: Journal;
  /** Throws what must not be done; whatever it throws, the request is not carried out. */
  readonly policy?: (request: ParsedRequest) => void;
}
