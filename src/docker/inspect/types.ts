/**
 * The Go types of what docker's client decodes inspected objects into (moby's api/types at API 1.50), in a notation of our own:
 * a type and its fields in braces; `Name=json`, the type, `?` for omitempty, `+` for an embedded struct, `-` for no JSON.
 */
export const TYPES = `
container.InspectResponse { + *container.ContainerJSONBase; Mounts []container.MountPoint; Config *container.Config;
  NetworkSettings *container.NetworkSettings; ImageManifestDescriptor *v1.Descriptor ? }
container.ContainerJSONBase { ID=Id string; Created string; Path string; Args []string; State *container.State; Image string;
  ResolvConfPath string; HostnamePath string; HostsPath string; LogPath string; Name string; RestartCount int; Driver string;
  Platform string; MountLabel string; ProcessLabel string; AppArmorProfile string; ExecIDs []string;
  HostConfig *container.HostConfig; GraphDriver storage.DriverData; SizeRw *int64 ?; SizeRootFs *int64 ? }
container.State { Status string; Running bool; Paused bool; Restarting bool; OOMKilled bool; Dead bool; Pid int; ExitCode int;
  Error string; StartedAt string; FinishedAt string; Health *container.Health ? }
container.Health { Status string; FailingStreak int; Log []*container.HealthcheckResult }
container.HealthcheckResult { Start time; End time; ExitCode int; Output string }
container.MountPoint { Type string ?; Name string ?; Source string; Destination string; Driver string ?; Mode string; RW bool; Propagation string }
storage.DriverData { Data map[string]string; Name string }
v1.Descriptor { MediaType=mediaType string; Digest=digest string; Size=size int64; URLs=urls []string ?;
  Annotations=annotations map[string]string ?; Data=data string ?; Platform=platform *v1.Platform ?; ArtifactType=artifactType string ? }
v1.Platform { Architecture=architecture string; OS=os string; OSVersion=os.version string ?; OSFeatures=os.features []string ?; Variant=variant string ? }
container.HostConfig { Binds []string; ContainerIDFile string; LogConfig container.LogConfig; NetworkMode string;
  PortBindings map[string][]nat.PortBinding; RestartPolicy container.RestartPolicy; AutoRemove bool; VolumeDriver string;
  VolumesFrom []string; ConsoleSize []uint; Annotations map[string]string ?; CapAdd []string; CapDrop []string; CgroupnsMode string;
  DNS=Dns []string; DNSOptions=DnsOptions []string; DNSSearch=DnsSearch []string; ExtraHosts []string; GroupAdd []string; IpcMode string;
  Cgroup string; Links []string; OomScoreAdj int; PidMode string; Privileged bool; PublishAllPorts bool; ReadonlyRootfs bool;
  SecurityOpt []string; StorageOpt map[string]string ?; Tmpfs map[string]string ?; UTSMode string; UsernsMode string; ShmSize int64;
  Sysctls map[string]string ?; Runtime string ?; Isolation string; + container.Resources; Mounts []mount.Mount ?;
  MaskedPaths []string; ReadonlyPaths []string; Init *bool ? }
container.LogConfig { Type string; Config map[string]string }
container.RestartPolicy { Name string; MaximumRetryCount int }
nat.PortBinding { HostIP=HostIp string; HostPort string }
container.Resources { CPUShares=CpuShares int64; Memory int64; NanoCPUs=NanoCpus int64; CgroupParent string; BlkioWeight uint16;
  BlkioWeightDevice []*blkiodev.WeightDevice; BlkioDeviceReadBps []*blkiodev.ThrottleDevice; BlkioDeviceWriteBps []*blkiodev.ThrottleDevice;
  BlkioDeviceReadIOps []*blkiodev.ThrottleDevice; BlkioDeviceWriteIOps []*blkiodev.ThrottleDevice; CPUPeriod=CpuPeriod int64;
  CPUQuota=CpuQuota int64; CPURealtimePeriod=CpuRealtimePeriod int64; CPURealtimeRuntime=CpuRealtimeRuntime int64; CpusetCpus string;
  CpusetMems string; Devices []container.DeviceMapping; DeviceCgroupRules []string; DeviceRequests []container.DeviceRequest;
  KernelMemory int64 ?; KernelMemoryTCP int64 ?; MemoryReservation int64; MemorySwap int64; MemorySwappiness *int64; OomKillDisable *bool;
  PidsLimit *int64; Ulimits []*units.Ulimit; CPUCount=CpuCount int64; CPUPercent=CpuPercent int64; IOMaximumIOps uint64; IOMaximumBandwidth uint64 }
blkiodev.WeightDevice { Path string; Weight uint16 }
blkiodev.ThrottleDevice { Path string; Rate uint64 }
container.DeviceMapping { PathOnHost string; PathInContainer string; CgroupPermissions string }
container.DeviceRequest { Driver string; Count int; DeviceIDs []string; Capabilities [][]string; Options map[string]string }
units.Ulimit { Name string; Hard int64; Soft int64 }
mount.Mount { Type string ?; Source string ?; Target string ?; ReadOnly bool ?; Consistency string ?; BindOptions *mount.BindOptions ?;
  VolumeOptions *mount.VolumeOptions ?; ImageOptions *mount.ImageOptions ?; TmpfsOptions *mount.TmpfsOptions ?; ClusterOptions any ? }
mount.BindOptions { Propagation string ?; NonRecursive bool ?; CreateMountpoint bool ?; ReadOnlyNonRecursive bool ?; ReadOnlyForceRecursive bool ? }
mount.VolumeOptions { NoCopy bool ?; Labels map[string]string ?; Subpath string ?; DriverConfig *mount.Driver ? }
mount.Driver { Name string ?; Options map[string]string ? }
mount.ImageOptions { Subpath string ? }
mount.TmpfsOptions { SizeBytes int64 ?; Mode uint32 ?; Options [][]string ? }
container.Config { Hostname string; Domainname string; User string; AttachStdin bool; AttachStdout bool; AttachStderr bool;
  ExposedPorts map[string]struct{} ?; Tty bool; OpenStdin bool; StdinOnce bool; Env []string; Cmd []string;
  Healthcheck *v1.HealthcheckConfig ?; ArgsEscaped bool ?; Image string; Volumes map[string]struct{}; WorkingDir string; Entrypoint []string;
  NetworkDisabled bool ?; MacAddress string ?; OnBuild []string; Labels map[string]string; StopSignal string ?; StopTimeout *int ?; Shell []string ? }
v1.HealthcheckConfig { Test []string ?; Interval duration ?; Timeout duration ?; StartPeriod duration ?; StartInterval duration ?; Retries int ? }
container.NetworkSettings { + container.NetworkSettingsBase; + container.DefaultNetworkSettings; Networks map[string]*network.EndpointSettings }
container.NetworkSettingsBase { Bridge string; SandboxID string; SandboxKey string; Ports map[string][]nat.PortBinding; HairpinMode bool;
  LinkLocalIPv6Address string; LinkLocalIPv6PrefixLen int; SecondaryIPAddresses []network.Address; SecondaryIPv6Addresses []network.Address }
container.DefaultNetworkSettings { EndpointID string; Gateway string; GlobalIPv6Address string; GlobalIPv6PrefixLen int; IPAddress string;
  IPPrefixLen int; IPv6Gateway string; MacAddress string }
network.Address { Addr string; PrefixLen int }
network.EndpointSettings { IPAMConfig *network.EndpointIPAMConfig; Links []string; Aliases []string; MacAddress string;
  DriverOpts map[string]string; GwPriority int; NetworkID string; EndpointID string; Gateway string; IPAddress string; IPPrefixLen int;
  IPv6Gateway string; GlobalIPv6Address string; GlobalIPv6PrefixLen int; DNSNames []string }
network.EndpointIPAMConfig { IPv4Address string ?; IPv6Address string ?; LinkLocalIPs []string ? }
image.InspectResponse { ID=Id string; RepoTags []string; RepoDigests []string; Parent string; Comment string; Created string ?;
  Container string ?; ContainerConfig *container.Config ?; DockerVersion string; Author string; Config *v1.DockerOCIImageConfig; Architecture string;
  Variant string ?; Os string; OsVersion string ?; Size int64; VirtualSize int64 ?; GraphDriver storage.DriverData; RootFS image.RootFS;
  Metadata image.Metadata; Descriptor *v1.Descriptor ?; Manifests []any ? }
v1.DockerOCIImageConfig { + v1.ImageConfig; + v1.DockerOCIImageConfigExt }
v1.ImageConfig { User string ?; ExposedPorts map[string]struct{} ?; Env []string ?; Entrypoint []string ?; Cmd []string ?;
  Volumes map[string]struct{} ?; WorkingDir string ?; Labels map[string]string ?; StopSignal string ?; ArgsEscaped bool ? }
v1.DockerOCIImageConfigExt { Healthcheck *v1.HealthcheckConfig ?; OnBuild []string ?; Shell []string ? }
image.RootFS { Type string ?; Layers []string ? }
image.Metadata { LastTagTime time }
network.Inspect { Name string; ID=Id string; Created time; Scope string; Driver string; EnableIPv4 bool; EnableIPv6 bool; IPAM network.IPAM;
  Internal bool; Attachable bool; Ingress bool; ConfigFrom network.ConfigReference; ConfigOnly bool;
  Containers map[string]network.EndpointResource; Options map[string]string; Labels map[string]string; Peers []any ?; Services map[string]any ? }
network.IPAM { Driver string; Options map[string]string; Config []network.IPAMConfig }
network.IPAMConfig { Subnet string ?; IPRange string ?; Gateway string ?; AuxAddress=AuxiliaryAddresses map[string]string ? }
network.ConfigReference { Network string }
network.EndpointResource { Name string; EndpointID string; MacAddress string; IPv4Address string; IPv6Address string }
volume.Volume { ClusterVolume any ?; CreatedAt string ?; Driver string; Labels map[string]string; Mountpoint string; Name string;
  Options map[string]string; Scope string; Status map[string]any ?; UsageData *volume.UsageData ? }
volume.UsageData { RefCount int64; Size int64 }
types.Version { Platform types.VersionPlatform ?; Components []types.ComponentVersion ?; Version string; APIVersion=ApiVersion string;
  MinAPIVersion=MinAPIVersion string ?; GitCommit string; GoVersion string; Os string; Arch string; KernelVersion string ?; Experimental bool ?; BuildTime string ? }
types.VersionPlatform { Name string }
types.ComponentVersion { Name string; Version string; Details map[string]string ? }
system.platformInfo { Name string ? }
system.clientVersion { Platform *system.platformInfo ?; Version string ?; APIVersion=ApiVersion string ?; DefaultAPIVersion string ?; GitCommit string ?;
  GoVersion string ?; Os string ?; Arch string ?; BuildTime string ?; Context string ? }
system.versionInfo { Client system.clientVersion; Server *types.Version }
events.Message { Status=status string ?; ID=id string ?; From=from string ?; Type string; Action string; Actor events.Actor; Scope=scope string ?;
  Time=time int64 ?; TimeNano=timeNano int64 ? }
events.Actor { ID string; Attributes map[string]string }
system.Info { ID string; Containers int; ContainersRunning int; ContainersPaused int; ContainersStopped int; Images int; Driver string;
  DriverStatus [][]string; SystemStatus [][]string ?; Plugins system.PluginsInfo; MemoryLimit bool; SwapLimit bool; KernelMemory bool ?;
  KernelMemoryTCP bool ?; CPUCfsPeriod=CpuCfsPeriod bool; CPUCfsQuota=CpuCfsQuota bool; CPUShares bool; CPUSet bool; PidsLimit bool; IPv4Forwarding bool;
  Debug bool; NFd int; OomKillDisable bool; NGoroutines int; SystemTime string; LoggingDriver string; CgroupDriver string; CgroupVersion string ?;
  NEventsListener int; KernelVersion string; OperatingSystem string; OSVersion string; OSType string; Architecture string; IndexServerAddress string;
  RegistryConfig *registry.ServiceConfig; NCPU int; MemTotal int64; GenericResources []any; DockerRootDir string; HTTPProxy=HttpProxy string;
  HTTPSProxy=HttpsProxy string; NoProxy string; Name string; Labels []string; ExperimentalBuild bool; ServerVersion string;
  Runtimes map[string]any; DefaultRuntime string; Swarm swarm.Info; LiveRestoreEnabled bool; Isolation string; InitBinary string;
  ContainerdCommit system.Commit; RuncCommit system.Commit; InitCommit system.Commit; SecurityOptions []string; ProductLicense string ?;
  DefaultAddressPools []system.NetworkAddressPool ?; FirewallBackend any ?; CDISpecDirs []string; DiscoveredDevices []any ?; Containerd any ?; Warnings []string }
system.PluginsInfo { Volume []string; Network []string; Authorization []string; Log []string }
system.Commit { ID string; Expected string ? }
system.NetworkAddressPool { Base string; Size int }
registry.ServiceConfig { IndexConfigs map[string]registry.IndexInfo; InsecureRegistryCIDRs []string; Mirrors []string }
registry.IndexInfo { Mirrors []string; Name string; Official bool; Secure bool }
swarm.Info { NodeID string; NodeAddr string; LocalNodeState string; ControlAvailable bool; Error string; RemoteManagers []any; Nodes int ?; Managers int ?;
  Cluster any ?; Warnings []string ? }
system.clientInfo { Debug bool; + system.clientVersion; Plugins []any; Warnings []string }
system.dockerInfo { + *system.Info; ServerErrors []string ?; ClientInfo *system.clientInfo ?; ClientErrors []string ? }
`;
