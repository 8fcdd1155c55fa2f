using System.Globalization;
using Tracking.AppHost.Engines;
using Tracking.AppHost.Secrets;

// The system as a diagram: its parts, their connections, and the order of their start.
// Services read the names used here: ServiceNames, RabbitAddress, SharedCacheString and OpenDataSource.

var builder = DistributedApplication.CreateBuilder(args);

// The data is in AppHost/.data, or in the folder of --data FOLDER. The secrets are the user's (dotnet user-secrets).
var data = Path.GetFullPath(builder.Configuration["Data"] ?? Path.Combine(builder.AppHostDirectory, ".data"));

// ── What the operator decides: appsettings.json, user secrets or the dashboard ──────────────────────────────────────
var systemHost = builder.AddParameter("system-host");
var systemScheme = builder.AddParameter("system-scheme");
var systemPort = builder.AddParameter("system-port");
var apiHost = builder.AddParameter("api-host");
var masterKey = builder.AddSecret("master-key", MakeSecret.MasterKey);
var adminKey = builder.AddSecret("admin-key", MakeSecret.AdminKey);

// ── Engines: containers or local programs, --engines containers|local ───────────────────────────────────────────────
var engines = ChooseEngines.For(builder, data);
var tracking = engines.AddPostgres("postgres", database: "tracking");
var rabbitmq = engines.AddRabbitMQ("rabbitmq");

// All of its values also exist elsewhere: losing them costs only speed.
var redis = engines.AddRedis("redis");

// ── Once, before everything else ────────────────────────────────────────────────────────────────────────────────────
var migrator = builder.AddProject<Projects.Migrator>("migrator")
    .WithReference(tracking, "tracking")
    .WaitFor(tracking)
    .WithEnvironment("Tracking__MasterKey", masterKey)
    .WithEnvironment("Tracking__Migrator__AdminKey", adminKey);

// ── Services ────────────────────────────────────────────────────────────────────────────────────────────────────────
var rewrite = Service(builder.AddProject<Projects.Rewrite>("rewrite"))
    .WithReference(redis)
    .WaitFor(redis)
    .WithEnvironment("Tracking__MasterKey", masterKey)
    .WithHttpEndpoint(targetPort: Published(8080))
    .WithHttpHealthCheck("/health/ready")
    .WithReplicas(2);

// SMTP and milter for MTAs: both are off until Tracking__SmtpFilter__Listen or Tracking__Milter__Listen is set.
var doors = Service(builder.AddProject<Projects.SmtpFilter>("smtpfilter"))
    .WithReference(redis)
    .WaitFor(redis)
    .WithEnvironment("Tracking__MasterKey", masterKey)
    .WithHttpEndpoint(targetPort: Published(8080))
    .WithHttpHealthCheck("/health/ready");

// Here an endpoint would take connections for doors that are off.
if (builder.ExecutionContext.IsPublishMode)
{
    doors.WithEndpoint(targetPort: 10025, scheme: "tcp", name: "smtp")
        .WithEndpoint(targetPort: 10027, scheme: "tcp", name: "milter");
}

Service(builder.AddProject<Projects.EventIngest>("ingest"))
    .WithEnvironment("Tracking__MasterKey", masterKey)
    .WithHttpEndpoint(targetPort: Published(8080))
    .WithHttpHealthCheck("/health/ready")
    .WithReplicas(2);

// Each edge owns its spool, so two edges are two resources and not two replicas of one.
var edges = EdgeNames().Select(name => Service(builder.AddProject<Projects.RedirectEdge>(name))
    .WithReference(redis)
    .WaitFor(redis)
    .WithEnvironment("Tracking__MasterKey", masterKey)
    .WithHttpEndpoint(targetPort: Published(8080))
    .WithHttpEndpoint(targetPort: Published(8081), name: "health", env: "Tracking__Edge__HealthPort")
    .WithHttpHealthCheck("/health/ready", endpointName: "health")
    .WithEnvironment("Tracking__Edge__Folder", FolderOf(name))
    .WithEnvironment("Tracking__Edge__Gateways__0", "127.0.0.0/8")
    .WithEnvironment("Tracking__Edge__Gateways__1", "::1/128")
    .WithEnvironment("Tracking__Edge__Gateways__2", "10.0.0.0/8")
    .WithEnvironment("Tracking__Edge__Gateways__3", "172.16.0.0/12")
    .WithEnvironment("Tracking__Edge__Gateways__4", "192.168.0.0/16"))
    .ToArray();

Service(builder.AddProject<Projects.DomainVerifier>("verifier"))
    .WithHttpEndpoint(targetPort: Published(8080))
    .WithHttpHealthCheck("/health/ready");

var certificates = Service(builder.AddProject<Projects.Certificates>("certificates"))
    .WithEnvironment("Tracking__MasterKey", masterKey)
    .WithHttpEndpoint(targetPort: Published(8080))
    .WithHttpHealthCheck("/health/ready");

var management = Service(builder.AddProject<Projects.Management>("management"))
    .WithEnvironment("Tracking__MasterKey", masterKey)
    .WithHttpEndpoint(targetPort: Published(8080))
    .WithHttpHealthCheck("/health/ready")
    .WithReplicas(2);

// ── The way in ──────────────────────────────────────────────────────────────────────────────────────────────────────
// The gateway is in front of the edges, so it needs no secret.
var gateway = Named(builder.AddProject<Projects.Gateway>("gateway"))
    .WithReference(rewrite.GetEndpoint("http"))
    .WithReference(management.GetEndpoint("http"))
    .WithReference(certificates.GetEndpoint("http"))
    .WithHttpEndpoint(
        port: int.Parse(builder.Configuration["Parameters:system-port"]!, CultureInfo.InvariantCulture),
        targetPort: Published(8080))
    .WithExternalHttpEndpoints()
    .WithHttpHealthCheck("/health/ready")
    .WithEnvironment("Tracking__Gateway__Edge", "proxied")
    .WithEnvironment("Tracking__Gateway__ApiHosts__0", apiHost)
    .WithEnvironment("Tracking__Gateway__ApiHosts__1", "localhost")
    .WaitFor(management)
    .WaitFor(rewrite);

for (var number = 0; number < edges.Length; number++)
{
    gateway.WithEnvironment($"services__edge__http__{number}", edges[number].GetEndpoint("http"))
        .WaitFor(edges[number]);
}

builder.Build().Run();

// The common parts of the services: the database after the migrator has run, the bus and the operator's own names. All
// services share one user of the database here; deploy/postgres gives each its own.
IResourceBuilder<ProjectResource> Service(IResourceBuilder<ProjectResource> service) => Named(service)
    .WithReference(tracking, "tracking")
    .WithReference(rabbitmq)
    .WaitFor(rabbitmq)
    .WaitForCompletion(migrator);

IResourceBuilder<ProjectResource> Named(IResourceBuilder<ProjectResource> service) => service
    .WithEnvironment("Tracking__SystemHost", systemHost)
    .WithEnvironment("Tracking__SystemScheme", systemScheme)
    .WithEnvironment("Tracking__SystemPort", systemPort);

// Each service of a deployment has an address of its own, so the ports are the same for all. Here each has a free port.
int? Published(int port) => builder.ExecutionContext.IsPublishMode ? port : null;

string FolderOf(string edge) =>
    builder.ExecutionContext.IsPublishMode ? "/home/app/edge" : Path.Combine(data, edge);

static string[] EdgeNames() => ["edge-1", "edge-2"];
