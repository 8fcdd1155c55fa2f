using Tracking.Gateway;
using Tracking.ServiceDefaults;
using Tracking.ServiceDefaults.Hosting;
using Tracking.Tls;

return await StartUp.RunOrExplainAsync(async () =>
{
    var builder = StartUp.CreateBuilder(args);
    builder.AddServiceDefaults();
    builder.AddGateway();
    builder.ListenWithTls();
    var app = builder.Build();
    app.MapServiceDefaults();
    app.MapGateway();
    await app.RunCheckedAsync();
});
