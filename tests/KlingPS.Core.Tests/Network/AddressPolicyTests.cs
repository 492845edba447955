using System.Net;
using CsCheck;
using KlingPS.Core.Api;
using KlingPS.Core.Network;

namespace KlingPS.Core.Tests.Network;

public sealed class AddressPolicyTests
{
    private static readonly AddressPolicy s_public = KlingEndpoints.Default.Addresses;
    private static readonly AddressPolicy s_sandbox = PolicyOf("http://localhost:5000");
    private static readonly AddressPolicy s_private = PolicyOf("https://10.0.0.5/kie");

    private static Gen<string> Pick(params string[] texts) => Gen.Int[0, texts.Length - 1].Select(i => texts[i]);

    private static AddressPolicy PolicyOf(string endpoint) => new KlingEndpoints(new Uri(endpoint), new Uri(endpoint)).Addresses;

    [Theory]
    [InlineData("https://tempfile.aiquickdraw.com/k/1.mp4?Signature=a&Expires=1")]
    [InlineData("https://files.example:8443/1.mp4")]
    [InlineData("https://[2606:4700::1111]/1.mp4")]
    [InlineData("https://[64:ff9b::8.8.8.8]/1.mp4")]
    [InlineData("https://8.8.8.8/1.mp4")]
    [InlineData("https://b\u00FCcher.example/1.mp4")]
    public void An_https_link_to_the_internet_is_followed(string link) => Assert.Null(s_public.FindProblem(link, out _));

    [Theory]
    [InlineData("http://files.example/1.mp4")]
    [InlineData("http://127.0.0.1:8080/admin")]
    [InlineData("http://localhost/admin")]
    [InlineData("https://localhost/admin")]
    [InlineData("https://localhost./admin")]
    [InlineData("https://x.localhost/admin")]
    [InlineData("https://127.0.0.1/")]
    [InlineData("https://127.1/")]
    [InlineData("https://2130706433/")]
    [InlineData("https://0x7f000001/")]
    [InlineData("https://0177.0.0.1/")]
    [InlineData("https://0/")]
    [InlineData("https://0.0.0.0/")]
    [InlineData("https://[::]/")]
    [InlineData("https://[::1]/")]
    [InlineData("https://[::ffff:127.0.0.1]/")]
    [InlineData("https://[::ffff:7f00:1]/")]
    [InlineData("https://[::127.0.0.1]/")]
    [InlineData("https://[64:ff9b::127.0.0.1]/")]
    [InlineData("https://[64:ff9b::a9fe:a9fe]/")]
    [InlineData("https://[64:ff9b:1::7f00:1]/")]
    [InlineData("https://[2002:7f00:1::]/")]
    [InlineData("https://[2002:c0a8:101::1]/")]
    [InlineData("https://[2001:db8::5efe:10.0.0.1]/")]
    [InlineData("https://[fe80::5efe:192.168.0.1]/")]
    [InlineData("https://10.0.0.1/")]
    [InlineData("https://172.16.0.1/")]
    [InlineData("https://172.31.255.255/")]
    [InlineData("https://192.168.1.1/")]
    [InlineData("https://100.64.0.1/")]
    [InlineData("https://100.100.100.200/latest/meta-data/")]
    [InlineData("https://169.254.169.254/latest/meta-data/")]
    [InlineData("https://192.0.0.192/")]
    [InlineData("https://198.18.0.1/")]
    [InlineData("https://224.0.0.1/")]
    [InlineData("https://255.255.255.255/")]
    [InlineData("https://[fe80::1]/")]
    [InlineData("https://[fec0::1]/")]
    [InlineData("https://[fd00:ec2::254]/")]
    [InlineData("https://[ff02::1]/")]
    [InlineData("https://[2001::1]/")]
    [InlineData("https://metadata.google.internal/")]
    [InlineData("https://router/")]
    [InlineData("https://printer.local/")]
    [InlineData("https://nas.home.arpa/")]
    [InlineData("https://user:word@files.example/1.mp4")]
    [InlineData("https://user@files.example/1.mp4")]
    [InlineData("ftp://files.example/1.mp4")]
    [InlineData("file:///etc/passwd")]
    [InlineData("/k/1.mp4")]
    [InlineData("//files.example/1.mp4")]
    [InlineData("//")]
    [InlineData("data:video/mp4;base64,AAAA")]
    [InlineData("javascript:alert(1)")]
    [InlineData("https://")]
    [InlineData("https:///1.mp4")]
    [InlineData("")]
    public void Any_other_is_not_followed_from_the_internet(string link) => Assert.NotNull(s_public.FindProblem(link, out _));

    [Fact]
    public void Even_a_link_of_a_megabyte_has_only_a_problem()
        => Assert.NotNull(s_public.FindProblem("https://files.example/" + new string('a', 1_000_000), out _));

    [Theory]
    [InlineData("http://127.0.0.1:8080/1.mp4", true)]
    [InlineData("http://localhost/1.mp4", true)]
    [InlineData("http://[::1]/1.mp4", true)]
    [InlineData("https://127.0.0.1/1.mp4", true)]
    [InlineData("https://files.example/1.mp4", true)]
    [InlineData("http://files.example/1.mp4", false)]
    [InlineData("http://192.168.1.1/1.mp4", false)]
    [InlineData("https://192.168.1.1/1.mp4", false)]
    [InlineData("https://169.254.169.254/", false)]
    public void A_sandbox_on_this_machine_may_lead_to_it(string link, bool isFollowed) => Assert.Equal(isFollowed, s_sandbox.FindProblem(link, out _) is null);

    [Theory]
    [InlineData("https://10.0.0.5/1.mp4", true)]
    [InlineData("https://192.168.1.1/1.mp4", true)]
    [InlineData("https://files.example/1.mp4", true)]
    [InlineData("http://10.0.0.5/1.mp4", false)]
    [InlineData("https://127.0.0.1/1.mp4", false)]
    [InlineData("https://169.254.169.254/", false)]
    public void A_service_in_a_private_network_may_lead_there(string link, bool isFollowed) => Assert.Equal(isFollowed, s_private.FindProblem(link, out _) is null);

    [Theory]
    [InlineData("https://files.example/a", "127.0.0.1", false)]
    [InlineData("https://files.example/a", "::1", false)]
    [InlineData("https://files.example/a", "::ffff:10.0.0.1", false)]
    [InlineData("https://files.example/a", "169.254.169.254", false)]
    [InlineData("https://files.example/a", "8.8.8.8", true)]
    [InlineData("https://files.example/a", "198.18.3.4", true)]
    public async Task Where_a_name_leads_is_judged_by_the_address(string link, string address, bool isPermitted)
        => Assert.Equal(isPermitted, await s_public.PermitsAsync(new Uri(link), IPAddress.Parse(address), TestContext.Current.CancellationToken));

    [Fact]
    public async Task Plain_http_is_not_sent_where_the_name_localhost_leads_elsewhere()
        => Assert.False(await s_sandbox.PermitsAsync(new Uri("http://localhost/a"), IPAddress.Parse("93.184.216.34"), TestContext.Current.CancellationToken));

    [Fact]
    public async Task Where_the_name_of_a_service_leads_its_links_may_lead()
    {
        var policy = new AddressPolicy([new Uri("https://kie.company.example/")], resolve: (_, _) => Task.FromResult<IPAddress[]>([IPAddress.Parse("10.1.2.3")]));
        var link = new Uri("https://files.company.example/1.mp4");

        Assert.True(await policy.PermitsAsync(link, IPAddress.Parse("10.9.9.9"), TestContext.Current.CancellationToken));
        Assert.False(await policy.PermitsAsync(link, IPAddress.Parse("127.0.0.1"), TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData("https://user:word@files.example/a", "https://…@files.example/a")]
    [InlineData("https://user:w@rd@files.example/a", "https://…@files.example/a")]
    [InlineData("user:word@host", "…@host")]
    [InlineData("https://user:wo/rd@files.example/a", "https://…@files.example/a")]
    [InlineData("https://user:wo?rd@files.example/a", "https://…@files.example/a")]
    [InlineData("https://user:wo#rd@files.example/a", "https://…@files.example/a")]
    [InlineData("user:wo/rd@files.example/a", "…@files.example/a")]
    [InlineData("https://files.example/a@b", "https://files.example/a@b")]
    [InlineData("", "")]
    [InlineData("//", "//")]
    [InlineData("@", "…@")]
    public void A_password_in_an_address_is_masked(string text, string masked) => Assert.Equal(masked, AddressPolicy.MaskUser(text));

    [Theory]
    [InlineData("https://images.example/fox.png", true)]
    [InlineData("http://images.example/fox.png", true)]
    [InlineData("https://user:word@images.example/fox.png", false)]
    [InlineData("http://localhost/fox.png", false)]
    [InlineData("http://192.168.1.4/fox.png", false)]
    public void What_the_service_is_to_fetch_has_to_be_where_it_can_reach_it(string address, bool isReachable)
    {
        string? problem = s_public.FindReachProblem(address);

        Assert.Equal(isReachable, problem is null);
        Assert.DoesNotContain("word@", problem ?? string.Empty, StringComparison.Ordinal);
    }

    [Fact]
    public void No_text_whatever_is_more_than_a_problem_and_no_private_host_gets_through()
        => Gen.OneOf(
            Gen.String,
            Gen.Select(Pick("https://", "http://", "//", "https:", "https:\\\\"), Gen.String[0, 30], Pick("/a", ":80/", "?", "#", "@127.0.0.1/", ":99999/")).Select((scheme, host, rest) => scheme + host + rest),
            Gen.UInt.Select(number => $"https://{number}/"),
            Gen.Byte.Array[16].Select(bytes => $"https://[{new IPAddress(bytes)}]/"))
        .Sample(text =>
        {
            _ = AddressPolicy.MaskUser(text);
            _ = s_public.FindReachProblem(text);
            if (s_public.FindProblem(text, out Uri? uri) is null)
            {
                Assert.Equal((Uri.UriSchemeHttps, string.Empty, AddressRealm.Public), (uri!.Scheme, uri.UserInfo, AddressRealms.Of(uri)));
            }
        });
}
