using Tracking.Rewrite;
using Tracking.ServiceDefaults;
using Tracking.ServiceDefaults.Hosting;

return await StartUp.RunOrExplainAsync(async () =>
{
    var builder = StartUp.CreateBuilder(args);
    builder.AddServiceDefaults();
    builder.AddRewrite();
    var app = builder.Build();
    app.MapServiceDefaults();
    app.MapRewrite();
    await app.RunCheckedAsync();
});
