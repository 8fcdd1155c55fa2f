using Tracking.EventIngest;
using Tracking.ServiceDefaults;
using Tracking.ServiceDefaults.Hosting;

return await StartUp.RunOrExplainAsync(async () =>
{
    var builder = StartUp.CreateBuilder(args);
    builder.AddServiceDefaults();
    builder.AddEventIngest();
    var app = builder.Build();
    app.MapServiceDefaults();
    app.MapEventIngest();
    await app.RunCheckedAsync();
});
