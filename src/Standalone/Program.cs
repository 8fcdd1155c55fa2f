using Tracking.Certificates;
using Tracking.DomainVerifier;
using Tracking.EventIngest;
using Tracking.Management;
using Tracking.RedirectEdge;
using Tracking.Rewrite;
using Tracking.ServiceDefaults;
using Tracking.ServiceDefaults.Hosting;
using Tracking.Standalone;
using Tracking.Tls;
using Tracking.Tls.Stored;

return await StartUp.RunOrExplainAsync(async () =>
{
    var builder = StartUp.CreateBuilder(args);
    await using var standalone = StandaloneHost.Open(builder);
    builder.AddServiceDefaults();
    builder.AddRewrite();
    builder.AddRedirectEdge();
    builder.AddEventIngest();
    builder.AddManagement();
    builder.AddDomainVerifier();
    builder.AddTls();
    builder.AddStoredCertificates();
    builder.AddCertificates();
    await standalone.PrepareAsync(builder);
    var app = builder.Build();
    app.MapServiceDefaults();
    app.MapRewrite();
    app.MapRedirectEdge(standalone.EdgePorts);
    app.MapTls(standalone.EdgePorts);
    app.MapEventIngest();
    app.MapManagement();
    app.MapDomainVerifier();
    app.MapCertificates();
    await standalone.RunAsync(app);
});
