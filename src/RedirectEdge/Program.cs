using Tracking.RedirectEdge;
using Tracking.ServiceDefaults;
using Tracking.ServiceDefaults.Hosting;

return await StartUp.RunOrExplainAsync(async () =>
{
    var builder = StartUp.CreateBuilder(args);
    builder.AddServiceDefaults();
    builder.AddRedirectEdge();
    builder.ListenForHealth();
    var app = builder.Build();
    app.MapServiceDefaults();
    app.MapRedirectEdge();
    await app.RunCheckedAsync();
});
