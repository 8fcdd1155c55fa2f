using Tracking.Management;
using Tracking.ServiceDefaults;
using Tracking.ServiceDefaults.Hosting;

return await StartUp.RunOrExplainAsync(async () =>
{
    var builder = StartUp.CreateBuilder(args);
    builder.AddServiceDefaults();
    builder.AddManagement();
    var app = builder.Build();
    app.MapServiceDefaults();
    app.MapManagement();
    await app.RunCheckedAsync();
});
