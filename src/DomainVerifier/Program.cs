using Tracking.DomainVerifier;
using Tracking.ServiceDefaults;
using Tracking.ServiceDefaults.Hosting;

return await StartUp.RunOrExplainAsync(async () =>
{
    var builder = StartUp.CreateBuilder(args);
    builder.AddServiceDefaults();
    builder.AddDomainVerifier();
    var app = builder.Build();
    app.MapServiceDefaults();
    app.MapDomainVerifier();
    await app.RunCheckedAsync();
});
