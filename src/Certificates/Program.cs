using Tracking.Certificates;
using Tracking.ServiceDefaults;
using Tracking.ServiceDefaults.Hosting;

return await StartUp.RunOrExplainAsync(async () =>
{
    var builder = StartUp.CreateBuilder(args);
    builder.AddServiceDefaults();
    builder.AddCertificates();
    var app = builder.Build();
    app.MapServiceDefaults();
    app.MapCertificates();
    await app.RunCheckedAsync();
});
