using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Json;
using KlingPS.Core.Api;
using KlingPS.Sandbox;

namespace KlingPS.Bench.Engine;

/// <summary>A sandbox in another process.</summary>
internal sealed class SandboxProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly HttpClient _http = new(new SocketsHttpHandler { UseProxy = false });

    private SandboxProcess(Process process, KlingEndpoints endpoints)
    {
        _process = process;
        Endpoints = endpoints;
        _http.DefaultRequestHeaders.Authorization = new("Bearer", SandboxMode.Key);
    }

    public KlingEndpoints Endpoints { get; }

    /// <summary>Starts a sandbox.</summary>
    /// <param name="generation">The shortest time a task takes.</param>
    /// <param name="spread">The longest extra time; it is evenly spread over the tasks.</param>
    /// <param name="isUnlimited">Whether the service's limits on creates and queries are off.</param>
    /// <param name="videoSize">The size of the videos in bytes; 0 for the clips as they are.</param>
    /// <param name="cuts">How many downloads are cut at 40 %.</param>
    public static async Task<SandboxProcess> StartAsync(TimeSpan generation, TimeSpan spread = default, bool isUnlimited = false, long videoSize = 0, int cuts = 0)
    {
        Process process = Programs.StartSelf(
        [
            "sandbox",
            "--generation", Text(generation.TotalSeconds),
            "--spread", Text(spread.TotalSeconds),
            "--video-size", Text(videoSize),
            "--cuts", Text(cuts),
            .. isUnlimited ? ["--unlimited"] : Array.Empty<string>(),
        ]);
        string[] endpoints = (await process.StandardOutput.ReadLineAsync())!.Split(' ');
        return new SandboxProcess(process, new KlingEndpoints(new Uri(endpoints[0]), new Uri(endpoints[1])));
    }

    public async Task<SandboxBill> GetBillAsync() => (await _http.GetFromJsonAsync<SandboxBill>(new Uri(Endpoints.Api, "sandbox/bill")))!;

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        _process.StandardInput.Close();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    private static string Text(double number) => number.ToString(CultureInfo.InvariantCulture);
}
