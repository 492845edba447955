using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using KlingPS.Core.Api;
using KlingPS.Core.Network;

namespace KlingPS.Core.Tests.Network;

public sealed class ConnectorTests
{
    private static readonly IPAddress s_six = IPAddress.Parse("2606:4700::1");
    private static readonly IPAddress s_otherSix = IPAddress.Parse("2606:4700::2");
    private static readonly IPAddress s_four = IPAddress.Parse("93.184.216.34");
    private static readonly Uri s_uri = new("https://files.example/a");

    private readonly ManualClock _clock = new(DateTimeOffset.UnixEpoch.AddYears(50));
    private readonly ConcurrentQueue<IPAddress> _dialled = new();
    private readonly ConcurrentDictionary<IPAddress, TaskCompletionSource<Stream>> _answers = new();

    private Connector Create(AddressPolicy? policy, params IPAddress[] addresses) => new(policy, _clock)
    {
        Resolve = (_, _) => Task.FromResult(addresses),
        Dial = (target, cancellationToken) =>
        {
            _dialled.Enqueue(target.Address);
            return AnswerOf(target.Address).Task.WaitAsync(cancellationToken);
        },
    };

    private TaskCompletionSource<Stream> AnswerOf(IPAddress address)
        => _answers.GetOrAdd(address, _ => new TaskCompletionSource<Stream>(TaskCreationOptions.RunContinuationsAsynchronously));

    private static Task<Stream> ConnectAsync(Connector connector, CancellationToken cancellationToken = default)
        => connector.ConnectAsync("files.example", 443, s_uri, cancellationToken);

    [Fact]
    public async Task Where_IPv6_does_not_answer_IPv4_is_tried_a_quarter_of_a_second_later()
    {
        Task<Stream> connecting = ConnectAsync(Create(null, s_six, s_otherSix, s_four));
        await _clock.WaitedForAsync(Connector.Stagger);
        Assert.Equal([s_six], _dialled);

        _clock.Advance(Connector.Stagger);
        await Eventually.TrueAsync(() => _dialled.Count == 2);
        Assert.Equal([s_six, s_four], _dialled);
        using var stream = new MemoryStream();
        AnswerOf(s_four).SetResult(stream);

        Assert.Same(stream, await Eventually.DoneAsync(connecting));
    }

    [Fact]
    public async Task Where_IPv6_is_refused_IPv4_is_tried_at_once()
    {
        AnswerOf(s_six).SetException(new SocketException((int)SocketError.ConnectionRefused));
        using var stream = new MemoryStream();
        AnswerOf(s_four).SetResult(stream);

        Assert.Same(stream, await Eventually.DoneAsync(ConnectAsync(Create(null, s_six, s_four))));
        Assert.Equal([s_six, s_four], _dialled);
    }

    [Fact]
    public async Task The_first_that_connects_is_used_and_one_that_comes_later_is_closed()
    {
        Connector connector = Create(null, s_six, s_four);
        var late = new MemoryStream();
        Connector stubborn = new(null, _clock) { Resolve = connector.Resolve, Dial = (target, _) => AnswerOf(target.Address).Task };
        Task<Stream> connecting = ConnectAsync(stubborn);
        await _clock.WaitedForAsync(Connector.Stagger);
        _clock.Advance(Connector.Stagger);
        using var stream = new MemoryStream();
        AnswerOf(s_four).SetResult(stream);
        Assert.Same(stream, await Eventually.DoneAsync(connecting));

        AnswerOf(s_six).SetResult(late);

        await Eventually.TrueAsync(() => !late.CanRead);
        Assert.True(stream.CanRead);
    }

    [Fact]
    public async Task When_nothing_answers_the_error_names_every_address_that_was_tried()
    {
        AnswerOf(s_four).SetException(new SocketException((int)SocketError.ConnectionRefused));
        Task<Stream> connecting = ConnectAsync(Create(null, s_six, s_four));
        await _clock.WaitedForAsync(Connector.Stagger);
        _clock.Advance(Connector.Stagger);
        await Eventually.TrueAsync(() => _dialled.Count == 2);
        _clock.Advance(Connector.Limit);

        IOException error = await Assert.ThrowsAsync<IOException>(() => Eventually.DoneAsync(connecting));

        Assert.Contains($"[{s_six}]:443 (no answer within 15 s)", error.Message, StringComparison.Ordinal);
        Assert.Contains($"{s_four}:443 (", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task All_that_refuse_end_it_at_once()
    {
        AnswerOf(s_six).SetException(new SocketException((int)SocketError.HostUnreachable));
        AnswerOf(s_four).SetException(new SocketException((int)SocketError.ConnectionRefused));

        await Assert.ThrowsAsync<IOException>(() => Eventually.DoneAsync(ConnectAsync(Create(null, s_six, s_four, s_six))));
    }

    [Fact]
    public async Task A_caller_who_gives_up_ends_all_attempts()
    {
        using var cancel = new CancellationTokenSource();
        Task<Stream> connecting = ConnectAsync(Create(null, s_six, s_four), cancel.Token);
        await _clock.WaitedForAsync(Connector.Stagger);

        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Eventually.DoneAsync(connecting));
        Assert.Equal([s_six], _dialled);
    }

    [Fact]
    public async Task A_name_that_leads_to_this_machine_is_not_connected_to()
    {
        Connector connector = Create(KlingEndpoints.Default.Addresses, IPAddress.Loopback, IPAddress.IPv6Loopback, IPAddress.Parse("192.168.1.1"));

        AddressRefusedException error = await Assert.ThrowsAsync<AddressRefusedException>(() => Eventually.DoneAsync(ConnectAsync(connector)));

        Assert.Empty(_dialled);
        Assert.Contains("'files.example' leads to this machine itself (127.0.0.1)", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Of_a_name_that_leads_to_both_only_the_public_address_is_tried()
    {
        using var stream = new MemoryStream();
        AnswerOf(s_four).SetResult(stream);

        Assert.Same(stream, await Eventually.DoneAsync(ConnectAsync(Create(KlingEndpoints.Default.Addresses, IPAddress.IPv6Loopback, s_four))));
        Assert.Equal([s_four], _dialled);
    }

    [Fact]
    public async Task A_proxy_may_be_anywhere()
    {
        using var stream = new MemoryStream();
        AnswerOf(IPAddress.Loopback).SetResult(stream);
        Connector connector = Create(KlingEndpoints.Default.Addresses, IPAddress.Loopback);

        Assert.Same(stream, await Eventually.DoneAsync(connector.ConnectAsync("proxy.company.example", 8080, null, CancellationToken.None)));
    }

    [Fact]
    public async Task A_name_that_leads_nowhere_is_not_found()
        => Assert.Equal(SocketError.HostNotFound, (await Assert.ThrowsAsync<SocketException>(() => ConnectAsync(Create(null)))).SocketErrorCode);

    [Fact]
    public async Task The_handlers_of_all_clients_connect_in_this_way()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        int port = ((IPEndPoint)listener.LocalEndpoint).Port;
        using SocketsHttpHandler handler = KlingPS.Core.Saving.VideoDownloader.CreateHandler(KlingEndpoints.Default.Addresses, new WebProxy());
        using var http = new HttpMessageInvoker(handler);
        using var request = new HttpRequestMessage(HttpMethod.Get, $"https://localhost:{port}/admin");

        HttpRequestException error = await Assert.ThrowsAsync<HttpRequestException>(() => http.SendAsync(request, TestContext.Current.CancellationToken));

        Assert.IsType<AddressRefusedException>(error.InnerException);
        Assert.False(listener.Pending());
    }
}
