using KlingPS.Core.Api;

namespace KlingPS.Core.Tests.Api;

public sealed class ServiceAddressTests
{
    [Theory]
    [InlineData("https://api.kie.ai/", "https://API.KIE.AI:443")]
    [InlineData("https://api.kie.ai/", "https://api.kie.ai./")]
    [InlineData("http://localhost:4711/", "http://127.0.0.1:4711/")]
    [InlineData("http://localhost:4711/", "http://[::1]:4711/")]
    [InlineData("https://gateway.example/kie", "https://gateway.example/kie/")]
    public void Two_spellings_of_an_address_are_one_service(string first, string second)
        => Assert.Equal(ServiceAddress.From(new Uri(first)), ServiceAddress.From(new Uri(second)));

    [Theory]
    [InlineData("https://api.kie.ai/", "https://kie.ai/")]
    [InlineData("http://localhost:4711/", "http://localhost:4712/")]
    [InlineData("https://gateway.example/kie", "https://gateway.example/other")]
    public void Two_addresses_are_two_services(string first, string second)
        => Assert.NotEqual(ServiceAddress.From(new Uri(first)), ServiceAddress.From(new Uri(second)));

    [Theory]
    [InlineData("https://tempfile.redpandaai.co/kieai/123456/klingps/first.png", "123456")]
    [InlineData("http://127.0.0.1:4711/kieai/100001/klingps/first.png", "100001")]
    [InlineData("https://tempfile.redpandaai.co/kieai/fox/first.png", null)]
    [InlineData("https://tempfile.redpandaai.co/kieai/", null)]
    [InlineData("https://tempfile.redpandaai.co/kieai", null)]
    [InlineData("https://tempfile.redpandaai.co/kieai/123456789012345678901/first.png", null)]
    [InlineData("https://images.example/fox.png", null)]
    [InlineData("fox.png", null)]
    [InlineData(null, null)]
    public void The_path_of_an_upload_tells_the_number_of_the_account(string? upload, string? number)
        => Assert.Equal(number, ServiceAddress.FindAccountNumber(upload));
}
